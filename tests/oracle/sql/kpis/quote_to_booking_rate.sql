-- finest: 15m
SELECT 'created' AS anchor, * FROM cohort('quote_cohort', 2592000000)
