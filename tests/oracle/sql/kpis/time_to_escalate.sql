-- finest: 1m
WITH by_kind AS (
    SELECT window_name, cut, escalation, count(*)::DOUBLE AS n, sum(span_ms) / count(*) / 1000 AS mean FROM inside('escalation_waits') GROUP BY ALL
), told AS (
    SELECT window_name, cut, map_from_entries(flatten(list([{'k': escalation || '_n', 'v': n}, {'k': escalation || '_mean', 'v': mean}]))) AS kinds
    FROM by_kind GROUP BY ALL
)
SELECT 'completed' AS anchor, * EXCLUDE (parts, kinds), map_concat(parts, kinds) AS parts
FROM durations('escalation_waits', []::BIGINT[]) JOIN told USING (window_name, cut)
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_escalated', []::BIGINT[])
