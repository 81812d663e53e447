-- Whose an entity is: the customer said last, and whoever that customer was merged into.

-- Customers that were merged are one from then on, and with what they did before.
CREATE TABLE united AS
WITH RECURSIVE direct AS (
    SELECT l.customer_id, arg_max(t.j->>'$.into_customer_id', (l.at_ms, l.sequence, l.event_id)) AS into_id
    FROM log l JOIN told t ON t.id = l.event_id AND coalesce(t.source, 'default') = l.source AND coalesce(t.version, 0) = l.version
        AND t.occurred_at_ms = l.at_ms
    WHERE l.type = 'customer.merged' GROUP BY l.customer_id
), step(customer_id, into_id, hops) AS (
    SELECT customer_id, into_id, 1 FROM direct
    UNION ALL
    SELECT step.customer_id, direct.into_id, hops + 1 FROM step JOIN direct ON direct.customer_id = step.into_id WHERE hops < 50
)
SELECT customer_id, arg_max(into_id, hops) AS into_id FROM step GROUP BY customer_id;

CREATE TABLE owners AS
WITH last_said AS (
    SELECT key, arg_max(customer, ord) AS customer FROM log GROUP BY key
)
SELECT key, coalesce(into_id, customer) AS customer FROM last_said LEFT JOIN united ON customer_id = customer WHERE customer IS NOT NULL;
