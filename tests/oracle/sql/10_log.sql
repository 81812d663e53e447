-- The log of every entity: identity, keys, order, merges, and the attributes in force.
CREATE MACRO ranks() AS [
    'ticket.created', 'ticket.status_changed', 'ticket.solved', 'ticket.reopened', 'ticket.closed', 'ticket.assigned',
    'ticket.transferred', 'ticket.customer_message', 'ticket.public_reply', 'ticket.note', 'ticket.merged', 'ticket.absorbed',
    'ticket.deleted', 'ticket.priority_changed', 'ticket.classified', 'ticket.tagged', 'ticket.escalated', 'ticket.sla_due',
    'ticket.schedule_applied', 'complaint.raised', 'call.queued', 'call.answered', 'call.abandoned', 'call.ended', 'call.transferred',
    'call.callback_offered', 'call.callback_accepted', 'survey.sent', 'survey.responded', 'review.posted', 'help.session',
    'help.search', 'help.article_viewed', 'help.article_voted', 'help.form_opened', 'lead.created', 'lead.contacted', 'lead.lost',
    'lead.merged', 'deal.created', 'deal.stage_changed', 'deal.won', 'deal.lost', 'quote.requested', 'quote.sent', 'quote.accepted',
    'quote.declined', 'quote.expired', 'booking.created', 'booking.moved', 'booking.cancelled', 'booking.no_show', 'job.started',
    'job.completed', 'job.callback', 'order.entered', 'order.processed', 'order.delivered', 'invoice.issued', 'invoice.corrected',
    'purchase.started', 'purchase.completed', 'purchase.refunded', 'payment.in', 'payment.out', 'subscription.started',
    'subscription.renewed', 'subscription.changed', 'subscription.cancelled', 'customer.created', 'customer.merged',
    'customer.tier_changed', 'customer.referred', 'offer.made', 'gesture.given', 'agent.hired', 'agent.left', 'agent.status_changed',
    'agent.shift', 'agent.time_logged', 'agent.training', 'cost.recorded', 'revenue.recorded', 'fact.withdrawn'
];

CREATE TABLE told AS
SELECT
    j,
    unnest(from_json(j, '{
        "type": "VARCHAR", "id": "VARCHAR", "source": "VARCHAR", "occurred_at_ms": "BIGINT", "version": "BIGINT", "sequence": "BIGINT",
        "customer_id": "VARCHAR", "organisation_id": "VARCHAR", "agent_id": "VARCHAR", "actor_id": "VARCHAR", "team": "VARCHAR",
        "queue": "VARCHAR", "channel": "VARCHAR", "priority": "VARCHAR", "issue_type": "VARCHAR", "product": "VARCHAR",
        "brand": "VARCHAR", "region": "VARCHAR", "language": "VARCHAR", "customer_tier": "VARCHAR",
        "ticket_id": "VARCHAR", "ticket_source": "VARCHAR", "status": "VARCHAR", "by": "VARCHAR", "public": "BOOLEAN",
        "opened_at_ms": "BIGINT", "backfill": "BOOLEAN", "to": "VARCHAR", "from": "VARCHAR", "automatic": "BOOLEAN", "mode": "VARCHAR",
        "reason": "VARCHAR", "to_team": "VARCHAR", "to_agent_id": "VARCHAR", "message_id": "VARCHAR", "into_ticket_id": "VARCHAR",
        "field": "VARCHAR", "kind": "VARCHAR", "complaint_id": "VARCHAR", "department": "VARCHAR", "category": "VARCHAR",
        "call_id": "VARCHAR", "direction": "VARCHAR", "talk_seconds": "DOUBLE", "hold_seconds": "DOUBLE", "wrap_seconds": "DOUBLE",
        "to_queue": "VARCHAR", "survey_id": "VARCHAR", "survey_type": "VARCHAR", "survey_channel": "VARCHAR", "wave_id": "VARCHAR",
        "response_id": "VARCHAR", "partial": "BOOLEAN", "answers": "JSON", "review_id": "VARCHAR", "session_id": "VARCHAR",
        "lead_id": "VARCHAR", "into_lead_id": "VARCHAR", "deal_id": "VARCHAR", "quote_id": "VARCHAR", "booking_id": "VARCHAR",
        "booking_channel": "VARCHAR", "job_id": "VARCHAR", "of_job_id": "VARCHAR", "job_type": "VARCHAR", "crew": "VARCHAR",
        "equipment": "VARCHAR", "order_id": "VARCHAR", "invoice_id": "VARCHAR", "purchase_id": "VARCHAR", "payment_id": "VARCHAR",
        "subscription_id": "VARCHAR", "offer_id": "VARCHAR", "gesture_id": "VARCHAR", "record_id": "VARCHAR",
        "amount_minor": "BIGINT", "currency": "VARCHAR", "seconds": "DOUBLE", "of": "VARCHAR"
    }')),
    json_type(j, '$.agent_id') = 'NULL' AS says_no_agent,
    json_type(j, '$.team') = 'NULL' AS says_no_team,
    regexp_replace(j::VARCHAR, ',"received_at_ms":[0-9]+', '') AS content
FROM published;

-- One event for each (source, id) of an entity: the highest version, of several the smallest time and content; what is withdrawn is
-- out, and stays so (ids are told apart inside an entity, and a withdrawal cannot be taken back: docs/adr/0008-bad-input.md).
-- A merged ticket's log as the aggregator passes it on is no event of a source: it is derived here.
CREATE TABLE standing AS
WITH named AS (
    SELECT * REPLACE (coalesce(source, 'default') AS source, coalesce(version, 0) AS version, coalesce(sequence, 0) AS sequence)
    FROM told WHERE type <> 'ticket.absorbed'
), keyed AS (
    SELECT *,
    CASE
        WHEN type = 'fact.withdrawn' THEN '*'
        WHEN ticket_id IS NOT NULL AND type IN ('complaint.raised', 'survey.sent', 'survey.responded', 'agent.time_logged')
            THEN 'ticket:' || coalesce(ticket_source, source) || ':' || ticket_id
        WHEN type LIKE 'ticket.%' THEN 'ticket:' || source || ':' || ticket_id
        WHEN type LIKE 'call.%' THEN 'call:' || source || ':' || call_id
        WHEN type = 'complaint.raised' THEN 'complaint:' || source || ':' || complaint_id
        WHEN type LIKE 'survey.%' THEN 'survey:' || source || ':' || coalesce(survey_id, response_id)
        WHEN type = 'review.posted' THEN 'survey:' || source || ':' || review_id
        WHEN type LIKE 'help.%' THEN 'visit:' || source || ':' || session_id
        WHEN type LIKE 'lead.%' THEN 'lead:' || source || ':' || lead_id
        WHEN type SIMILAR TO '(deal|quote|booking)\..*' THEN CASE
            WHEN lead_id IS NOT NULL THEN 'lead:' || source || ':' || lead_id
            WHEN quote_id IS NOT NULL THEN 'quote:' || source || ':' || quote_id
            WHEN type LIKE 'deal.%' THEN 'deal:' || source || ':' || deal_id
            ELSE 'booking:' || source || ':' || booking_id
        END
        WHEN type LIKE 'purchase.%' THEN 'purchase:' || source || ':' || purchase_id
        ELSE 'other:' || source || ':' || id
    END AS key
    FROM named
), newest AS (
    SELECT * FROM keyed
    QUALIFY row_number() OVER (PARTITION BY key, source, id ORDER BY version DESC, occurred_at_ms, content) = 1
)
SELECT
    * EXCLUDE (id, j, content, occurred_at_ms, "by", public, backfill, status, mode, direction),
    id AS event_id,
    occurred_at_ms AS at_ms,
    coalesce("by", CASE WHEN type = 'ticket.created' THEN 'customer' WHEN type = 'ticket.public_reply' THEN 'human' END) AS "by",
    coalesce(public, true) AS public,
    coalesce(backfill, false) AS backfill,
    coalesce(status, CASE WHEN type = 'ticket.created' THEN 'new' END) AS status,
    coalesce(mode, CASE WHEN type IN ('ticket.transferred', 'call.transferred') THEN 'unknown' END) AS mode,
    coalesce(direction, CASE WHEN type = 'call.queued' THEN 'inbound' END) AS direction,
    list_position(ranks(), type) AS rank
FROM newest
WHERE (source, id) NOT IN (SELECT (source, "of") FROM named WHERE type = 'fact.withdrawn') AND type <> 'fact.withdrawn';

-- What counts nowhere: a ticket that was ever merged away; a deleted one, unless its status was changed again later.
CREATE TABLE merges AS
SELECT key, arg_max('ticket:' || source || ':' || into_ticket_id, (at_ms, sequence, rank, event_id, source)) AS into_key
FROM standing WHERE type = 'ticket.merged' GROUP BY key;

-- A merged ticket's messages and answers go to its primary, and with those to the primary's primary.
CREATE TABLE absorbing AS
WITH RECURSIVE reached(key, into_key) AS (
    SELECT key, into_key FROM merges
    UNION
    SELECT reached.key, merges.into_key FROM reached JOIN merges ON merges.key = reached.into_key
)
SELECT * FROM reached;

CREATE TABLE placed AS
SELECT * FROM standing
UNION ALL
SELECT standing.* REPLACE (absorbing.into_key AS key)
FROM standing JOIN absorbing USING (key)
WHERE type IN ('ticket.customer_message', 'ticket.public_reply', 'survey.sent', 'survey.responded') AND absorbing.into_key <> standing.key;

CREATE TABLE void AS
SELECT key FROM merges
UNION
SELECT key FROM (
    SELECT key, type FROM placed WHERE type IN ('ticket.deleted', 'ticket.status_changed')
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY at_ms DESC, sequence DESC, rank DESC, event_id DESC, source DESC) = 1
) WHERE type = 'ticket.deleted';

-- What an event says of the attributes in force after it. '' stands for "nobody", which only an assignment can say.
CREATE TABLE log AS
WITH ordered AS (
    SELECT *, split_part(key, ':', 1) AS entity_kind,
        row_number() OVER (PARTITION BY key ORDER BY at_ms, sequence, rank, event_id, source) AS ord,
        CASE WHEN type = 'ticket.assigned' AND says_no_team THEN '' ELSE coalesce(CASE WHEN type = 'ticket.transferred' THEN to_team END, team) END AS next_team,
        CASE WHEN type = 'ticket.assigned' AND says_no_agent THEN '' ELSE coalesce(CASE WHEN type = 'ticket.transferred' THEN to_agent_id END, agent_id) END AS next_agent,
        coalesce(CASE WHEN type = 'call.transferred' THEN to_queue END, queue) AS next_queue,
        coalesce(CASE WHEN type = 'ticket.priority_changed' THEN "to" END, priority) AS next_priority,
        coalesce(CASE WHEN type = 'ticket.classified' AND field = 'issue_type' THEN "to" END, issue_type) AS next_issue_type,
        coalesce(CASE WHEN type = 'ticket.classified' AND field = 'product' THEN "to" END, product) AS next_product,
        coalesce(CASE WHEN type = 'ticket.classified' AND field = 'brand' THEN "to" END, brand) AS next_brand,
        coalesce(CASE WHEN type = 'ticket.classified' AND field = 'region' THEN "to" END, region) AS next_region,
        coalesce(CASE WHEN type = 'ticket.classified' AND field = 'language' THEN "to" END, language) AS next_language
    FROM placed WHERE key NOT IN (SELECT key FROM void)
)
SELECT * EXCLUDE (next_team, next_agent, next_queue, next_priority, next_issue_type, next_product, next_brand, next_region, next_language, entity_kind, kind),
    entity_kind AS kind,
    kind AS said_kind,
    last_value(customer_id IGNORE NULLS) OVER along AS customer,
    {
        'channel': last_value(channel IGNORE NULLS) OVER along,
        'team': nullif(last_value(next_team IGNORE NULLS) OVER along, ''),
        'queue': last_value(next_queue IGNORE NULLS) OVER along,
        'priority': last_value(next_priority IGNORE NULLS) OVER along,
        'issue_type': last_value(next_issue_type IGNORE NULLS) OVER along,
        'product': last_value(next_product IGNORE NULLS) OVER along,
        'brand': last_value(next_brand IGNORE NULLS) OVER along,
        'region': last_value(next_region IGNORE NULLS) OVER along,
        'language': last_value(next_language IGNORE NULLS) OVER along,
        'customer_tier': last_value(customer_tier IGNORE NULLS) OVER along,
        'agent': nullif(last_value(next_agent IGNORE NULLS) OVER along, '')
    } AS a
FROM ordered
WINDOW along AS (PARTITION BY key ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);
