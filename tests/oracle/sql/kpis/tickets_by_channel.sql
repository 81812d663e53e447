-- finest: 1m
WITH counted AS (
    SELECT window_name, cut, count(*) AS n, count(*) FILTER (switched) AS switched, histogram(channel) AS channels FROM inside('tickets_created') GROUP BY ALL
)
SELECT 'completed' AS anchor, window_name, cut, n AS value, n, n AS numerator, poisson(n).low AS ci_low, poisson(n).high AS ci_high,
    {'switched': switched / n} AS parts, CASE WHEN cut = '' THEN channels END AS by_channel
FROM counted
