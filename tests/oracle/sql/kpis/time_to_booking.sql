-- finest: 15m
SELECT 'completed' AS anchor, * FROM durations('booking_waits', []::BIGINT[])
UNION ALL BY NAME
SELECT 'created' AS anchor, * RENAME (parts AS between) FROM median_of_cohort('booking_entries', []::BIGINT[])
