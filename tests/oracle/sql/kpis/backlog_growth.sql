-- finest: 1m
WITH moved AS (
    SELECT window_name, cut, 1 AS created, 0 AS solved, 0 AS reopened, 0 AS otherwise FROM inside('tickets_created')
    UNION ALL SELECT window_name, cut, 0, 1, 0, 0 FROM inside('ticket_solves')
    UNION ALL SELECT window_name, cut, 0, 0, 1, 0 FROM inside('ticket_reopens')
    UNION ALL SELECT window_name, cut, 0, 0, 0, amount FROM inside('tickets_entered_otherwise')
)
SELECT 'completed' AS anchor, window_name, cut, sum(created) - sum(solved) + sum(reopened) AS value, value AS numerator,
    sum(created) + sum(solved) + sum(reopened) AS n,
    {'created': sum(created), 'solved': sum(solved), 'reopened': sum(reopened), 'entered_otherwise': sum(otherwise)} AS parts
FROM moved GROUP BY ALL
