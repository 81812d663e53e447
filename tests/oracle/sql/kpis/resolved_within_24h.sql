-- finest: 1m
SELECT 'created' AS anchor, * FROM cohort('cohort_lasting', 86400000)
