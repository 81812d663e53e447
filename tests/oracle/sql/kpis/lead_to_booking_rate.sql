-- finest: 15m
SELECT 'created' AS anchor, * FROM cohort('booking_entries', 2592000000)
