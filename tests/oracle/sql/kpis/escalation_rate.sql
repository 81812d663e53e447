-- finest: 1m
WITH solved AS (SELECT window_name, cut, count(*) AS n FROM inside('tickets_solved') GROUP BY ALL),
escalated AS (SELECT window_name, cut, count(*) AS k, flatten(list(kinds)) AS kinds FROM inside('tickets_solved_escalated') GROUP BY ALL),
escalations AS (SELECT window_name, cut, count(*) AS escalations FROM inside('ticket_escalations') GROUP BY ALL)
SELECT 'completed' AS anchor, window_name, cut, coalesce(solved.n, 0) AS n, coalesce(k, 0) AS numerator, coalesce(solved.n, 0) AS denominator,
    CASE WHEN solved.n > 0 THEN coalesce(k, 0) / solved.n END AS value,
    wilson(coalesce(k, 0), solved.n).low AS ci_low, wilson(coalesce(k, 0), solved.n).high AS ci_high,
    map_concat(
        map_from_entries(list_transform(list_distinct(coalesce(kinds, []::VARCHAR[])), lambda m: {'k': m, 'v': len(list_filter(kinds, lambda x: x = m)) / solved.n})),
        MAP {'escalations': coalesce(escalations, 0)::DOUBLE}) AS parts
FROM solved LEFT JOIN escalated USING (window_name, cut) FULL JOIN escalations USING (window_name, cut)
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM cohort('cohort_escalated', 604800000)
