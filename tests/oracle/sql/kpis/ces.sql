-- finest: 15m
-- 5-7 of 1-7: the upper third of the scale.
WITH by_scale AS (
    SELECT window_name, cut, scale, count(*) AS n, count(*) FILTER (share >= 2 / 3 - 1e-9) AS k, avg(score) AS mean
    FROM inside('case_answers') WHERE metric = 'ces' GROUP BY ALL
)
SELECT 'completed' AS anchor, window_name, cut, sum(k) / sum(n) AS value, sum(n) AS n, sum(k) AS numerator, sum(n) AS denominator,
    wilson(sum(k), sum(n)).low AS ci_low, wilson(sum(k), sum(n)).high AS ci_high,
    map_from_entries(list({'k': 'mean_' || scale, 'v': mean})) AS parts
FROM by_scale GROUP BY window_name, cut
