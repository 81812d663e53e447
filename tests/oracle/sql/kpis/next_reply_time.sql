-- finest: 1m
SELECT 'completed' AS anchor, * FROM durations('next_reply_waits', [3600000])
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_next_reply', [3600000])
