-- finest: 1m
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_full', [86400000])
