-- finest: 1m
SELECT 'created' AS anchor, * FROM cohort('repeat_contacts', 604800000)
