-- finest: 5s
WITH counted AS (
    SELECT window_name, cut,
        count(*) FILTER (answered) AS answered,
        count(*) FILTER (NOT answered AND coalesce(wait_ms > getvariable('short_abandon_ms'), true)) AS gave_up,
        count(*) FILTER (NOT answered AND wait_ms <= getvariable('short_abandon_ms')) AS short,
        count(wait_ms) FILTER (NOT answered) AS wait_n,
        avg(wait_ms) FILTER (NOT answered) / 1000 AS wait_mean
    FROM inside('offered_calls') GROUP BY window_name, cut
)
SELECT 'completed' AS anchor, window_name, cut, gave_up / nullif(answered + gave_up, 0) AS value, answered + gave_up AS n,
    gave_up AS numerator, answered + gave_up AS denominator,
    wilson(gave_up, answered + gave_up).low AS ci_low, wilson(gave_up, answered + gave_up).high AS ci_high,
    {'short': short, 'wait_n': wait_n, 'wait_mean': wait_mean} AS parts
FROM counted
