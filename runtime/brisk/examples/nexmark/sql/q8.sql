-- The people who began an auction in the same ten seconds in which they came.
SELECT DISTINCT p.id, p.name, p.date_time // 10000 * 10000 AS start_time
FROM person p JOIN auction a ON a.seller = p.id AND a.date_time // 10000 = p.date_time // 10000
