-- finest: 5s
SELECT 'completed' AS anchor, * FROM durations('contact_handles', []::BIGINT[])
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM durations('contact_handles_by_start', []::BIGINT[])
