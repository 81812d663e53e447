-- finest: 1m
WITH net AS (
    SELECT window_name, cut, count(*) AS net, count(*) FILTER (class = 'no_reply') AS no_reply FROM inside('tickets_solved') GROUP BY ALL
), gross AS (
    SELECT window_name, cut, count(*) AS gross FROM inside('ticket_solves') GROUP BY ALL
), customers AS (
    SELECT window_name, cut, count(DISTINCT customer) AS customers FROM inside('solved_customers') GROUP BY ALL
), known AS (
    SELECT window_name, present OR window_name IN ('today', 'week', 'month', 'quarter') AS known FROM asked
)
SELECT 'completed' AS anchor, window_name, cut, coalesce(net, 0) AS value, value AS n, value AS numerator,
    poisson(value).low AS ci_low, poisson(value).high AS ci_high,
    {'net': value, 'gross': coalesce(gross, 0), 'no_reply': coalesce(no_reply, 0), 'customers': CASE WHEN known THEN coalesce(customers, 0) END} AS parts
FROM gross FULL JOIN net USING (window_name, cut) FULL JOIN customers USING (window_name, cut) JOIN known USING (window_name)
