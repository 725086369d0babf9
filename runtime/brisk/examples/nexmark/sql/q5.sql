-- Of each window of ten seconds, one beginning every two seconds, the auctions with the most bids,
-- all of them if several have as many.
WITH counts AS (
  SELECT auction, COUNT(*) AS num, (date_time // 2000 - slide) * 2000 AS start_time
  FROM bid, range(5) AS slides(slide)
  GROUP BY ALL
)
SELECT auction, num, start_time, start_time + 10000 AS end_time
FROM counts
QUALIFY num = MAX(num) OVER (PARTITION BY start_time)
