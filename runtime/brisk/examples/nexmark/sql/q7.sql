-- The highest bids of each ten seconds, all of them if several are as high.
SELECT auction, price, bidder, date_time, extra
FROM bid
QUALIFY price = MAX(price) OVER (PARTITION BY date_time // 10000)
