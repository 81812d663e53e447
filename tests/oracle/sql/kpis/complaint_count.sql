-- finest: 1m
WITH named AS (
    SELECT window_name, cut, CASE category WHEN '' THEN 'other' ELSE ltrim(category, '+') END AS category FROM inside('complaints')
)
SELECT 'completed' AS anchor, window_name, cut, count(*) AS value, count(*) AS n, count(*) AS numerator,
    poisson(count(*)).low AS ci_low, poisson(count(*)).high AS ci_high, histogram(category) AS parts
FROM named GROUP BY ALL
