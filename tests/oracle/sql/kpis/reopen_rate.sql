-- finest: 1m
SELECT 'created' AS anchor, * FROM cohort('cohort_reopened', 1209600000)
