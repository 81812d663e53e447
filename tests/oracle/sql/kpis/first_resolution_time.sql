-- finest: 1m
SELECT 'completed' AS anchor, * FROM durations('first_resolutions', [86400000])
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_first', [86400000])
