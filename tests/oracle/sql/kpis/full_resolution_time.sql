-- finest: 1m
WITH silent AS (
    SELECT window_name, cut, count(*)::DOUBLE AS no_reply_n, sum(span_ms) / count(*) / 1000 AS no_reply_mean
    FROM inside('full_resolutions_no_reply') GROUP BY ALL
)
SELECT 'completed' AS anchor, * EXCLUDE (parts, no_reply_n, no_reply_mean),
    map_concat(parts, MAP {'no_reply_n': coalesce(no_reply_n, 0.0), 'no_reply_mean': no_reply_mean}) AS parts
FROM durations('full_resolutions', [86400000]) LEFT JOIN silent USING (window_name, cut)
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_full', [86400000])
