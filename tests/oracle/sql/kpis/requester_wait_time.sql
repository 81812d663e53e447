-- finest: 1m
SELECT 'completed' AS anchor, * FROM durations('requester_waits', [86400000])
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM durations('requester_waits_by_start', [86400000])
