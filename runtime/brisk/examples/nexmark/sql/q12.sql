-- What the counts of a bidder add up to, over all windows.
SELECT bidder, COUNT(*) AS bids FROM bid GROUP BY bidder
