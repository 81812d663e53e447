-- Calls (chat sessions too): one row each in `calls`. Inbound only; a wait needs call.queued.

-- The attributes of entries: those in force at the entry; what was not said by then takes the first value said later.
-- `entries` names a table with key and ord; one row comes back for each of them.
CREATE OR REPLACE MACRO entry_attributes(entries) AS TABLE
    SELECT e.key, e.ord,
        {'channel': arg_min(l.a.channel, l.ord), 'team': arg_min(l.a.team, l.ord), 'queue': arg_min(l.a.queue, l.ord),
         'priority': arg_min(l.a.priority, l.ord), 'issue_type': arg_min(l.a.issue_type, l.ord), 'product': arg_min(l.a.product, l.ord),
         'brand': arg_min(l.a.brand, l.ord), 'region': arg_min(l.a.region, l.ord), 'language': arg_min(l.a.language, l.ord),
         'customer_tier': arg_min(l.a.customer_tier, l.ord), 'handled_by': NULL::VARCHAR, 'agent': arg_min(l.a.agent, l.ord)} AS a
    FROM query_table(entries) e JOIN log l ON l.key = e.key AND l.ord >= e.ord
    GROUP BY e.key, e.ord;

CREATE TABLE call_steps AS
WITH seen AS (
    SELECT key,
        coalesce(bool_or(type = 'call.queued' AND direction = 'outbound'), false) AS outbound,
        coalesce(bool_or(type = 'call.callback_accepted'), false) AS called_back,
        min(ord) FILTER (WHERE type = 'call.queued') AS queued_ord,
        min(ord) FILTER (WHERE type = 'call.answered') AS answered_ord,
        min(ord) FILTER (WHERE type IN ('call.answered', 'call.abandoned', 'call.ended')) AS stop_ord,
        max(ord) AS last_ord
    FROM log WHERE kind = 'call' GROUP BY key
)
SELECT s.*,
    (SELECT min(l.ord) FROM log l
     WHERE l.key = s.key AND l.type = 'call.abandoned' AND l.ord < coalesce(s.answered_ord, 1000000000)) AS abandoned_ord,
    (SELECT min(l.ord) FROM log l WHERE l.key = s.key AND l.type = 'call.ended' AND l.ord > s.answered_ord) AS ended_ord
FROM seen s WHERE NOT outbound;

CREATE TABLE call_entries AS
SELECT key, coalesce(queued_ord, answered_ord) AS ord FROM call_steps WHERE coalesce(queued_ord, answered_ord) IS NOT NULL;

CREATE TABLE calls AS
WITH said AS (
    SELECT s.key, last.customer, began.at_ms AS began_ms, s.called_back,
        queued.at_ms AS queued_ms, answered.at_ms AS answered_ms, abandoned.at_ms AS abandoned_ms, ended.at_ms AS ended_ms,
        coalesce(queued.at_ms, answered.at_ms) AS start_ms,
        struct_update(entry.a, handled_by := CASE WHEN answered.ord < coalesce(queued.ord, 1000000000) THEN 'human' END) AS start_a,
        struct_insert(answered.a, handled_by := 'human') AS answered_a,
        struct_insert(abandoned.a, handled_by := NULL::VARCHAR) AS abandoned_a,
        struct_insert(ended.a, handled_by := 'human') AS ended_a,
        last.a.issue_type AS issue_type, last.a.product AS product,
        coalesce(abandoned.reason, 'caller') AS reason,
        CASE WHEN coalesce(ended.talk_seconds, ended.hold_seconds, ended.wrap_seconds) IS NULL THEN ended.at_ms - answered.at_ms
             ELSE round((coalesce(ended.talk_seconds, 0) + coalesce(ended.hold_seconds, 0) + coalesce(ended.wrap_seconds, 0)) * 1000)::BIGINT
        END AS worked_ms,
        -- what came after the connect: the modes of its transfers, and whether another agent or team was named
        (SELECT list(DISTINCT coalesce(l.mode, 'unknown')) FROM log l
         WHERE l.key = s.key AND l.type = 'call.transferred' AND l.ord > s.answered_ord) AS transfer_modes,
        (SELECT count(DISTINCT l.a.agent) > 1 OR count(DISTINCT l.a.team) > 1 FROM log l
         WHERE l.key = s.key AND l.ord >= s.answered_ord) AS second_owner
    FROM call_steps s
    JOIN log last ON last.key = s.key AND last.ord = s.last_ord
    JOIN log began ON began.key = s.key AND began.ord = 1
    LEFT JOIN log queued ON queued.key = s.key AND queued.ord = s.queued_ord
    LEFT JOIN log answered ON answered.key = s.key AND answered.ord = s.answered_ord
    LEFT JOIN log abandoned ON abandoned.key = s.key AND abandoned.ord = s.abandoned_ord
    LEFT JOIN log ended ON ended.key = s.key AND ended.ord = s.ended_ord
    LEFT JOIN entry_attributes('call_entries') entry ON entry.key = s.key
)
SELECT *,
    counting(answered_ms - queued_ms) AS answer_wait_ms,
    counting(abandoned_ms - queued_ms) AS abandon_wait_ms,
    counting(worked_ms) AS handle_ms,
    abandoned_ms IS NOT NULL AND reason IN ('caller', 'other') AND NOT called_back AS gave_up
FROM said;

-- Facts -------------------------------------------------------------------------------------------

-- In the queue: one row for each stretch with the same attributes in force; to_ms NULL: still.
CREATE TABLE calls_waiting AS
SELECT l.at_ms AS from_ms, following.at_ms AS to_ms, queued.at_ms AS begun_ms, cuts_ticket(struct_insert(l.a, handled_by := NULL::VARCHAR)) AS cuts
FROM call_steps s
JOIN log queued ON queued.key = s.key AND queued.ord = s.queued_ord
JOIN log l ON l.key = s.key AND l.ord >= s.queued_ord AND l.ord < coalesce(s.stop_ord, 1000000000)
LEFT JOIN log following ON following.key = s.key AND following.ord = l.ord + 1
WHERE following.at_ms IS NULL OR following.at_ms > l.at_ms;

-- Reached a person; transferred: another agent, team or queue took over afterwards.
CREATE TABLE calls_connected AS
SELECT answered_ms AS at_ms, cuts_ticket(answered_a) AS cuts, transfer_modes IS NOT NULL OR second_owner AS transferred,
    coalesce(transfer_modes, CASE WHEN second_owner THEN ['unknown'] ELSE [] END) AS modes
FROM calls WHERE answered_ms IS NOT NULL;

CREATE TABLE answer_waits AS
SELECT answered_ms AS at_ms, cuts_ticket(answered_a) AS cuts, answer_wait_ms AS span_ms FROM calls WHERE answer_wait_ms IS NOT NULL;

CREATE TABLE answer_wait_entries AS
SELECT queued_ms AS at_ms, cuts_ticket(start_a) AS cuts, answer_wait_ms AS outcome_ms,
    CASE WHEN answer_wait_ms IS NULL AND NOT called_back THEN abandon_wait_ms END AS censored_ms
FROM calls WHERE queued_ms IS NOT NULL;

CREATE TABLE offered_calls AS
SELECT answered_ms AS at_ms, cuts_ticket(answered_a) AS cuts, true AS answered, answer_wait_ms AS wait_ms
FROM calls WHERE answered_ms IS NOT NULL
UNION ALL
SELECT abandoned_ms, cuts_ticket(abandoned_a), false, abandon_wait_ms FROM calls WHERE gave_up;

CREATE TABLE call_handles AS
SELECT ended_ms AS at_ms, cuts_ticket(ended_a) AS cuts, handle_ms AS span_ms FROM calls WHERE ended_ms IS NOT NULL AND handle_ms IS NOT NULL;

CREATE TABLE call_handles_by_start AS
SELECT start_ms AS at_ms, cuts_ticket(start_a) AS cuts, handle_ms AS span_ms FROM calls WHERE ended_ms IS NOT NULL AND handle_ms IS NOT NULL;
