-- finest: 1m
-- A purchase counts before 7 days have passed, not at them. Beside it: what the same customers buy without a contact.
WITH base AS (
    SELECT window_name, cut, count(*) AS n, count(*) FILTER (bought_before) / count(*) AS base_rate, count(outcome_ms) / count(*) AS so_far
    FROM inside('conversions') GROUP BY window_name, cut
)
SELECT 'created' AS anchor, c.*, {'base_rate': base_rate, 'incremental_conversion': so_far - base_rate} AS parts
FROM cohort('conversions', 604800000) c JOIN base USING (window_name, cut)
