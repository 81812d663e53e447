-- finest: 1m
SELECT 'completed' AS anchor, window_name, cut, count(*) FILTER (class = 'one_touch') AS numerator, count(*) FILTER (class IN ('one_touch', 'replied')) AS n,
    n AS denominator, CASE WHEN n > 0 THEN numerator / n END AS value, wilson(numerator, n).low AS ci_low, wilson(numerator, n).high AS ci_high
FROM inside('tickets_solved') GROUP BY window_name, cut
