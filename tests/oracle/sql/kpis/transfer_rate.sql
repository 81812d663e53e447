-- finest: 5s
WITH counted AS (
    SELECT window_name, cut, count(*) AS n, count(*) FILTER (transferred) AS k, flatten(list(modes)) AS modes FROM inside('contacts_connected') GROUP BY ALL
)
SELECT 'completed' AS anchor, window_name, cut, k / n AS value, n, k AS numerator, n AS denominator, wilson(k, n).low AS ci_low, wilson(k, n).high AS ci_high,
    map_from_entries(list_transform(list_distinct(modes), lambda m: {'k': m, 'v': len(list_filter(modes, lambda x: x = m)) / n})) AS parts
FROM counted
