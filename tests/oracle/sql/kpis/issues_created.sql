-- finest: 1m
SELECT 'completed' AS anchor, window_name, cut, count(*) AS n, count(*) AS value, count(*) AS numerator,
    poisson(count(*)).low AS ci_low, poisson(count(*)).high AS ci_high,
    {'linked': nullif(count(*) FILTER (linked), 0), 'unlinked': nullif(count(*) FILTER (NOT linked), 0)} AS parts
FROM inside('tickets_created') GROUP BY ALL
