-- finest: 15m
-- 4-5 of 1-5, 6-7 of 1-7, yes of yes/no: the upper quarter of the scale. Means of scales are never mixed.
WITH given AS (
    SELECT 'completed' AS anchor, * FROM inside('case_answers')
    UNION ALL BY NAME
    SELECT 'created' AS anchor, * FROM inside('case_answers_by_solve')
), by_scale AS (
    SELECT anchor, window_name, cut, scale, count(*) AS n, count(*) FILTER (share >= 0.75 - 1e-9) AS k, avg(score) AS mean
    FROM given WHERE metric = 'csat' AND question = 'overall' GROUP BY ALL
)
SELECT anchor, window_name, cut, sum(k) / sum(n) AS value, sum(n) AS n, sum(k) AS numerator, sum(n) AS denominator,
    wilson(sum(k), sum(n)).low AS ci_low, wilson(sum(k), sum(n)).high AS ci_high,
    map_from_entries(list({'k': 'mean_' || scale, 'v': mean})) AS parts
FROM by_scale GROUP BY anchor, window_name, cut
