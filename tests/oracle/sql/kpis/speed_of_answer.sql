-- finest: 5s
SELECT 'completed' AS anchor, * FROM durations('answer_waits', [20000])
UNION ALL BY NAME
SELECT 'created' AS anchor, * RENAME (parts AS between) FROM median_of_cohort('answer_wait_entries', [20000])
