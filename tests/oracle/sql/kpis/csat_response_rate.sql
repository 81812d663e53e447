-- finest: 15m
SELECT 'created' AS anchor, * FROM cohort('invitations', 1209600000)
