-- The average of the highest bids of each category's auctions, rounded down. A bid counts while its
-- auction runs, first and last millisecond included; auctions without such a bid do not count.
SELECT category, CAST(SUM(final) // COUNT(*) AS BIGINT) AS average
FROM (
  SELECT MAX(b.price) AS final, a.category AS category
  FROM auction a JOIN bid b ON b.auction = a.id
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY a.id, a.category
)
GROUP BY category
