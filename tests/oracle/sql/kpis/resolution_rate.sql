-- finest: 1m
SELECT 'created' AS anchor, * FROM cohort('cohort_first', 604800000)
