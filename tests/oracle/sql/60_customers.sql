-- What a customer's contacts lead to: repeats, purchases credited, customers served. A contact is a ticket or an answered inbound call.

CREATE TABLE ticket_latest_solves AS
SELECT s.key, s.ord, s.at_ms, l.handled_by FROM ticket_solves s JOIN ticket_log l ON l.key = s.key AND l.ord = s.ord WHERE s.standing;

CREATE TABLE ticket_starts AS SELECT key, coalesce(created_ord, first_ord) AS ord FROM ticket_entry;

-- The ends of contacts: the latest solve that stands, the end of an answered call.
CREATE TABLE contact_ends AS
SELECT key, ord FROM ticket_latest_solves
UNION ALL
SELECT key, ended_ord FROM call_steps WHERE ended_ord IS NOT NULL AND answered_ord IS NOT NULL;

CREATE TABLE contacts AS
WITH ends AS (
    SELECT e.key, e.ord, l.at_ms, e.a FROM entry_attributes('contact_ends') e JOIN log l ON l.key = e.key AND l.ord = e.ord
), latest AS (
    SELECT key, arg_max(a.issue_type, ord) AS issue_type, arg_max(a.product, ord) AS product FROM log GROUP BY key
)
SELECT t.key, o.customer, t.at_ms AS began_ms, latest.issue_type, latest.product,
    CASE WHEN t.created_ord IS NOT NULL AND NOT t.backfill AND t.by_customer THEN t.at_ms END AS started_ms,
    cuts_ticket(struct_update(start.a, handled_by := l.handled_by)) AS start_cuts,
    ends.at_ms AS ended_ms, cuts_ticket(struct_update(ends.a, handled_by := solved.handled_by)) AS end_cuts
FROM ticket_entry t JOIN owners o USING (key) JOIN latest USING (key)
JOIN entry_attributes('ticket_starts') start USING (key) JOIN ticket_log l ON l.key = t.key AND l.ord = start.ord
LEFT JOIN ticket_latest_solves solved USING (key) LEFT JOIN ends USING (key)
UNION ALL BY NAME
SELECT c.key, o.customer, c.began_ms, latest.issue_type, latest.product, c.start_ms AS started_ms, cuts_ticket(c.start_a) AS start_cuts,
    ends.at_ms AS ended_ms, cuts_ticket(struct_update(ends.a, handled_by := 'human')) AS end_cuts
FROM calls c JOIN owners o USING (key) JOIN latest USING (key) LEFT JOIN ends USING (key)
WHERE c.answered_ms IS NOT NULL;

CREATE OR REPLACE MACRO same_issue(x, y) AS
    coalesce(x.issue_type = y.issue_type, true) AND coalesce(x.product = y.product, true);

-- A first contact has no contact of the same issue in the 7 days before it; a repeat is the next of the same issue within 7 days.
CREATE TABLE repeat_contacts AS
WITH started AS (
    SELECT key, customer, started_ms, start_cuts, {'issue_type': issue_type, 'product': product} AS issue FROM contacts WHERE started_ms IS NOT NULL
), paired AS (
    SELECT x.key, y.started_ms - x.started_ms AS apart_ms, (y.started_ms, y.key) < (x.started_ms, x.key) AS before
    FROM started x JOIN started y ON y.customer = x.customer AND y.key <> x.key
    WHERE abs(y.started_ms - x.started_ms) <= 7 * 86400000 AND same_issue(x.issue, y.issue)
), seen AS (
    SELECT key, bool_or(before) AS repeats, min(apart_ms) FILTER (NOT before) AS next_ms FROM paired GROUP BY key
)
SELECT s.started_ms AS at_ms, s.start_cuts AS cuts, seen.next_ms AS outcome_ms, NULL::BIGINT AS censored_ms
FROM started s LEFT JOIN seen USING (key) WHERE NOT coalesce(seen.repeats, false);

CREATE TABLE purchases AS
WITH said AS (
    SELECT key, min(at_ms) FILTER (type = 'purchase.completed') AS at_ms, coalesce(bool_or(type = 'purchase.refunded'), false) AS refunded,
        arg_max(CASE WHEN ticket_id IS NOT NULL THEN 'ticket:' || ticket_id WHEN call_id IS NOT NULL THEN 'call:' || call_id END, ord) AS named
    FROM log WHERE kind = 'purchase' GROUP BY key
)
SELECT s.key, o.customer, s.at_ms, s.named FROM said s JOIN owners o USING (key) WHERE s.at_ms IS NOT NULL AND NOT s.refunded;

-- A purchase is credited once: to the contact it names, else to the latest that ended before it; in either case within 7 days of its end.
CREATE TABLE credited AS
WITH ended AS (
    SELECT key, customer, ended_ms, split_part(key, ':', 1) || ':' || regexp_extract(key, '^[^:]*:[^:]*:(.*)$', 1) AS name
    FROM contacts WHERE ended_ms IS NOT NULL
), latest AS (
    SELECT p.key AS purchase, arg_max(e.key, (e.ended_ms, e.key)) AS contact
    FROM purchases p JOIN ended e ON e.customer = p.customer AND e.ended_ms <= p.at_ms WHERE p.named IS NULL GROUP BY p.key
), chosen AS (
    SELECT * FROM latest
    UNION ALL
    SELECT p.key, max(e.key) FROM purchases p JOIN ended e ON e.customer = p.customer AND e.name = p.named GROUP BY p.key
)
SELECT chosen.contact AS key, min(greatest(p.at_ms - e.ended_ms, 0)) AS after_ms
FROM chosen JOIN purchases p ON p.key = chosen.purchase JOIN ended e ON e.key = chosen.contact
WHERE p.at_ms - e.ended_ms < 7 * 86400000 GROUP BY chosen.contact;

-- Beside it: whether the same customer bought in the 7 days that end 28 days before the contact began.
CREATE TABLE conversions AS
SELECT c.ended_ms AS at_ms, c.end_cuts AS cuts, credited.after_ms AS outcome_ms, NULL::BIGINT AS censored_ms,
    EXISTS (SELECT 1 FROM purchases p WHERE p.customer = c.customer
        AND p.at_ms >= c.began_ms - 35 * 86400000::BIGINT AND p.at_ms < c.began_ms - 28 * 86400000::BIGINT) AS bought_before
FROM contacts c LEFT JOIN credited USING (key) WHERE c.ended_ms IS NOT NULL;
