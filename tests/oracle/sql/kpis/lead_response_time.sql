-- finest: 1m
SELECT 'completed' AS anchor, * FROM durations('lead_responses', [300000, 3600000])
UNION ALL BY NAME
SELECT 'created' AS anchor, * RENAME (parts AS between) FROM median_of_cohort('lead_response_entries', [300000, 3600000])
