-- The bids of each session of a user: between two of its bids are at most ten seconds. It ends ten
-- seconds after its last bid.
WITH gaps AS (
  SELECT bidder, date_time,
    CASE WHEN date_time - LAG(date_time) OVER of_bidder > 10000 THEN 1 ELSE 0 END AS begins
  FROM bid
  WINDOW of_bidder AS (PARTITION BY bidder ORDER BY date_time)
),
sessions AS (
  SELECT bidder, date_time,
    SUM(begins) OVER (
      PARTITION BY bidder ORDER BY date_time ROWS UNBOUNDED PRECEDING
    ) AS session
  FROM gaps
)
SELECT bidder, COUNT(*) AS bids, MIN(date_time) AS start_time, MAX(date_time) + 10000 AS end_time
FROM sessions
GROUP BY bidder, session
