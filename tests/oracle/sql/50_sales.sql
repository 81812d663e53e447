-- Leads with their quotes, deals and bookings; quotes, deals and bookings that name no lead stand alone. A merged lead counts nowhere.

CREATE TABLE sale_log AS
WITH merged AS (
    SELECT DISTINCT key FROM log WHERE type = 'lead.merged'
)
SELECT key, ord, at_ms, type, source, lead_id, quote_id, booking_id, deal_id, coalesce(automatic, false) AS automatic,
    {'channel': a.channel, 'team': a.team, 'brand': a.brand, 'region': a.region, 'product': a.product,
     'job_type': last_value(job_type IGNORE NULLS) OVER along, 'crew': last_value(crew IGNORE NULLS) OVER along,
     'equipment': last_value(equipment IGNORE NULLS) OVER along, 'booking_channel': last_value(booking_channel IGNORE NULLS) OVER along,
     'customer_tier': a.customer_tier, 'agent': a.agent} AS s
FROM log WHERE kind IN ('lead', 'quote', 'deal', 'booking') AND key NOT IN (FROM merged)
WINDOW along AS (PARTITION BY key ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- What was not said at an entry takes the first value said later.
CREATE OR REPLACE MACRO sale_entry_attributes(entries) AS TABLE
    SELECT e.key, e.ord,
        {'channel': arg_min(l.s.channel, l.ord), 'team': arg_min(l.s.team, l.ord), 'brand': arg_min(l.s.brand, l.ord),
         'region': arg_min(l.s.region, l.ord), 'product': arg_min(l.s.product, l.ord), 'job_type': arg_min(l.s.job_type, l.ord),
         'crew': arg_min(l.s.crew, l.ord), 'equipment': arg_min(l.s.equipment, l.ord),
         'booking_channel': arg_min(l.s.booking_channel, l.ord), 'customer_tier': arg_min(l.s.customer_tier, l.ord),
         'agent': arg_min(l.s.agent, l.ord)} AS s
    FROM query_table(entries) e JOIN sale_log l ON l.key = e.key AND l.ord >= e.ord
    GROUP BY e.key, e.ord;

CREATE TABLE lead_entries AS
SELECT key, min(ord) AS ord, arg_min(at_ms, ord) AS at_ms FROM sale_log WHERE type = 'lead.created' GROUP BY key;

CREATE TABLE lead_attributes AS FROM sale_entry_attributes('lead_entries');

CREATE TABLE first_contacts AS
SELECT key, arg_min(at_ms, ord) AS at_ms, arg_min(s, ord) AS s FROM sale_log WHERE type = 'lead.contacted' AND NOT automatic GROUP BY key;

-- A won deal is the booking of its lead. What was cancelled afterwards is none.
CREATE TABLE bookings AS
WITH named AS (
    SELECT key, ord, at_ms, s, source, quote_id, CASE type WHEN 'deal.won' THEN 'deal:' || deal_id ELSE 'booking:' || booking_id END AS name
    FROM sale_log WHERE type IN ('booking.created', 'deal.won')
    QUALIFY row_number() OVER (PARTITION BY key, name ORDER BY ord) = 1
)
SELECT n.*,
    -- without a quote of its own it goes to the one last sent before it
    coalesce(n.quote_id, (SELECT arg_max(q.quote_id, q.ord) FROM sale_log q
        WHERE q.key = n.key AND q.type = 'quote.sent' AND q.ord < n.ord)) AS of_quote
FROM named n
WHERE NOT EXISTS (
    SELECT 1 FROM sale_log c WHERE c.key = n.key AND c.type = 'booking.cancelled' AND 'booking:' || c.booking_id = n.name AND c.ord > n.ord
);

CREATE TABLE first_bookings AS
SELECT key, arg_min(at_ms, ord) AS at_ms, arg_min(s, ord) AS s FROM bookings GROUP BY key;

-- Facts -------------------------------------------------------------------------------------------

CREATE TABLE lead_responses AS
SELECT c.at_ms, cuts_sale(c.s) AS cuts, counting(c.at_ms - e.at_ms) AS span_ms
FROM lead_entries e JOIN first_contacts c USING (key) WHERE counting(c.at_ms - e.at_ms) IS NOT NULL;

CREATE TABLE lead_response_entries AS
SELECT e.at_ms, cuts_sale(t.s) AS cuts, counting(c.at_ms - e.at_ms) AS outcome_ms, NULL::BIGINT AS censored_ms
FROM lead_entries e JOIN lead_attributes t USING (key) LEFT JOIN first_contacts c USING (key);

-- A booking before its lead counts 0.
CREATE TABLE booking_waits AS
SELECT b.at_ms, cuts_sale(b.s) AS cuts, counting(greatest(b.at_ms - e.at_ms, 0)) AS span_ms
FROM lead_entries e JOIN first_bookings b USING (key) WHERE counting(greatest(b.at_ms - e.at_ms, 0)) IS NOT NULL;

CREATE TABLE booking_entries AS
SELECT e.at_ms, cuts_sale(t.s) AS cuts, CASE WHEN b.at_ms IS NOT NULL THEN counting(greatest(b.at_ms - e.at_ms, 0)) END AS outcome_ms,
    NULL::BIGINT AS censored_ms
FROM lead_entries e JOIN lead_attributes t USING (key) LEFT JOIN first_bookings b USING (key);

CREATE TABLE quote_entries AS
SELECT key, ord, at_ms, source, quote_id FROM sale_log WHERE type = 'quote.sent'
QUALIFY row_number() OVER (PARTITION BY source, quote_id ORDER BY at_ms, key, ord) = 1;

CREATE TABLE quote_cohort AS
WITH booked AS (
    SELECT source, of_quote AS quote_id, min(at_ms) AS at_ms FROM bookings WHERE of_quote IS NOT NULL GROUP BY ALL
)
SELECT e.at_ms, cuts_sale(t.s) AS cuts, counting(b.at_ms - e.at_ms) AS outcome_ms, NULL::BIGINT AS censored_ms
FROM quote_entries e
JOIN sale_entry_attributes('quote_entries') t ON t.key = e.key AND t.ord = e.ord
LEFT JOIN booked b ON b.source = e.source AND b.quote_id = e.quote_id;
