-- Tickets. `ticket_log` is the log of each ticket with the transitions found in it; what counts follows from that.
-- The creation of a ticket is its first ticket.created, wherever it stands in the log; one first seen by another event is known from
-- that event on.
CREATE TABLE ticket_entry AS
WITH seen AS (
    SELECT key, min(ord) AS first_ord, min(ord) FILTER (type = 'ticket.created') AS created_ord
    FROM log WHERE kind = 'ticket' GROUP BY key
)
SELECT seen.*, created_ord IS NOT NULL AND created_ord = first_ord AS born, created_ord > first_ord AS created_late,
    log.at_ms, coalesce(log.backfill, false) AS backfill, log."by" = 'customer' AS by_customer, log.public AS public, log.status AS created_as,
    CASE WHEN created_ord IS NULL THEN NULL WHEN log.backfill THEN log.opened_at_ms ELSE coalesce(log.opened_at_ms, log.at_ms) END AS opened_ms
FROM seen JOIN log ON log.key = seen.key AND log.ord = coalesce(created_ord, first_ord);

CREATE MACRO done(status) AS status IN ('solved', 'closed');
CREATE MACRO waits(status) AS status IN ('new', 'open', 'on_hold');

-- Claims say where a ticket is; transitions are what changes. Solved and reopened change nothing where it is so already.
CREATE TABLE ticket_log AS
WITH claims AS (
    SELECT log.*, entry.* EXCLUDE (key, at_ms, backfill, public), entry.at_ms AS entry_ms, entry.backfill AS is_backfill, entry.public AS is_public,
        -- where it was before its first event
        CASE WHEN ord = first_ord THEN CASE type
            WHEN 'ticket.created' THEN CASE WHEN done(created_as) THEN 'open' ELSE created_as END
            WHEN 'ticket.status_changed' THEN coalesce("from", 'open') WHEN 'ticket.reopened' THEN 'solved' ELSE 'open' END END AS status_at_first,
        CASE WHEN type = 'ticket.solved' OR type = 'ticket.closed' THEN true WHEN type = 'ticket.reopened' THEN false
            WHEN type = 'ticket.status_changed' THEN done("to") WHEN ord = created_ord AND born THEN done(created_as) END AS claims_done
    FROM log JOIN ticket_entry entry USING (key) WHERE kind = 'ticket'
), transitions AS (
    SELECT *, first_value(status_at_first) OVER along AS first_status,
        coalesce(last_value(claims_done IGNORE NULLS) OVER along, done(first_value(status_at_first) OVER along)) AS is_done,
        coalesce(last_value(claims_done IGNORE NULLS) OVER before, done(first_value(status_at_first) OVER along)) AS was_done
    FROM claims
    WINDOW along AS (PARTITION BY key ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        before AS (PARTITION BY key ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), statuses AS (
    SELECT *, is_done AND NOT was_done AS solves, was_done AND NOT is_done AS reopens,
        coalesce(last_value(CASE
            WHEN type = 'ticket.status_changed' THEN "to"
            WHEN type = 'ticket.closed' THEN 'closed'
            WHEN type = 'ticket.solved' AND NOT was_done THEN 'solved'
            WHEN type = 'ticket.reopened' AND was_done THEN 'open'
            WHEN ord = created_ord AND born THEN created_as
        END IGNORE NULLS) OVER (PARTITION BY key ORDER BY ord), first_status) AS status_after,
        type = 'ticket.public_reply' AND "by" = 'human' AS is_human,
        type = 'ticket.public_reply' AND "by" = 'bot' AS is_bot,
        type = 'ticket.customer_message' AS is_message
    FROM transitions
), counted AS (
    SELECT *,
        lead(at_ms) OVER along AS next_ms, lag(a.agent) OVER along AS agent_before, lag(a.team) OVER along AS team_before,
        -- the time since the event before, in the status of that time
        CASE WHEN waits(coalesce(lag(status_after) OVER along, first_status))
            THEN at_ms - coalesce(lag(at_ms) OVER along, CASE WHEN born THEN opened_ms END, at_ms) ELSE 0 END AS waited_ms,
        coalesce(sum(is_human::INT) OVER before, 0) AS humans_before,
        coalesce(sum(is_bot::INT) OVER before, 0) AS bots_before,
        sum(is_human::INT) OVER along AS humans, sum(is_bot::INT) OVER along AS bots,
        sum(solves::INT) OVER along AS solved_so_far, sum(reopens::INT) OVER along AS reopened_so_far,
        sum((is_human OR solves)::INT) OVER along AS resets,
        sum(round(CASE WHEN type = 'agent.time_logged' THEN seconds END * 1000)::BIGINT) OVER along AS logged_ms
    FROM statuses
    WINDOW along AS (PARTITION BY key ORDER BY ord), before AS (PARTITION BY key ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), clocked AS (
    SELECT *,
        sum(waited_ms) OVER along AS wait_ms,
        coalesce(actor_id, a.agent) AS replier,
        -- what starts the clock of the first reply: a public creation, or the first message of a ticket that began with notes
        first_value(CASE WHEN humans_before = 0 AND ord = created_ord AND is_public THEN opened_ms
            WHEN humans_before = 0 AND is_message THEN at_ms END IGNORE NULLS) OVER along AS clock_first_ms,
        first_value(CASE WHEN humans_before = 0 AND ((ord = created_ord AND is_public AND opened_ms IS NOT NULL) OR is_message) THEN ord END IGNORE NULLS)
            OVER along AS clock_first_ord,
        last_value(CASE WHEN humans_before = 0 AND reopens THEN ord END IGNORE NULLS) OVER along AS clock_reopened_ord,
        last_value(CASE WHEN humans_before = 0 AND reopens THEN at_ms END IGNORE NULLS) OVER along AS clock_reopened_ms,
        min(CASE WHEN is_message THEN at_ms END) OVER run AS first_message_ms,
        min(CASE WHEN ord = created_ord AND by_customer AND is_public AND NOT done(created_as) AND humans_before = 0 THEN opened_ms END) OVER run AS asked_ms
    FROM counted
    WINDOW along AS (PARTITION BY key ORDER BY ord), run AS (PARTITION BY key, resets ORDER BY ord)
)
SELECT * EXCLUDE (clock_first_ms, clock_first_ord, clock_reopened_ord, clock_reopened_ms, first_message_ms, asked_ms),
    -- a creation that comes after the reply, by the fault of a clock, starts it too
    CASE WHEN clock_reopened_ord > clock_first_ord THEN clock_reopened_ms
        WHEN clock_first_ord IS NULL AND is_public AND created_ord > ord THEN opened_ms ELSE clock_first_ms END AS clock_ms,
    CASE WHEN clock_reopened_ord > clock_first_ord THEN clock_reopened_ord
        WHEN clock_first_ord IS NULL AND is_public AND created_ord > ord AND opened_ms IS NOT NULL THEN created_ord ELSE clock_first_ord END AS clock_ord,
    least(first_message_ms, asked_ms) AS waiting_since_ms,
    CASE WHEN humans > 0 AND bots > 0 THEN 'mixed' WHEN humans > 0 THEN 'human' WHEN bots > 0 THEN 'bot' END AS handled_by
FROM clocked;

CREATE MACRO with_agent(a, handled_by, agent) AS {
    'channel': a.channel, 'team': a.team, 'queue': a.queue, 'priority': a.priority, 'issue_type': a.issue_type, 'product': a.product,
    'brand': a.brand, 'region': a.region, 'language': a.language, 'customer_tier': a.customer_tier, 'handled_by': handled_by, 'agent': agent
};
CREATE MACRO at_end(a, handled_by) AS with_agent(a, handled_by, a.agent);
CREATE MACRO at_entry(a) AS with_agent(a, NULL::VARCHAR, a.agent);

-- The attributes of something that began at an event: those in force then, or else the first said later.
CREATE TABLE ticket_begun AS
SELECT key, ord,
    cuts_ticket({
        'channel': first_value(a.channel IGNORE NULLS) OVER onward,
        'team': first_value(a.team IGNORE NULLS) OVER onward,
        'queue': first_value(a.queue IGNORE NULLS) OVER onward,
        'priority': first_value(a.priority IGNORE NULLS) OVER onward,
        'issue_type': first_value(a.issue_type IGNORE NULLS) OVER onward,
        'product': first_value(a.product IGNORE NULLS) OVER onward,
        'brand': first_value(a.brand IGNORE NULLS) OVER onward,
        'region': first_value(a.region IGNORE NULLS) OVER onward,
        'language': first_value(a.language IGNORE NULLS) OVER onward,
        'customer_tier': first_value(a.customer_tier IGNORE NULLS) OVER onward,
        'handled_by': NULL::VARCHAR,
        'agent': first_value(a.agent IGNORE NULLS) OVER onward
    }) AS cuts, first_value(a.channel IGNORE NULLS) OVER onward AS channel
FROM ticket_log WINDOW onward AS (PARTITION BY key ORDER BY ord ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING);

-- ---- what happened: one row each, with the attributes in force -------------------------------------------------------------------
CREATE TABLE ticket_solves AS
SELECT key, ord, at_ms, solved_so_far AS number, humans, bots, reopened_so_far AS reopened_before, opened_ms, wait_ms, logged_ms, a,
    cuts_ticket(at_end(a, handled_by)) AS cuts,
    number = max(solved_so_far) OVER (PARTITION BY key) AND key NOT IN (SELECT key FROM ticket_log GROUP BY key HAVING NOT arg_max(is_done, ord)) AS standing
FROM ticket_log WHERE solves;

CREATE TABLE ticket_reopens AS
SELECT key, ord, at_ms, cuts_ticket(at_end(a, handled_by)) AS cuts FROM ticket_log WHERE reopens;

CREATE TABLE ticket_escalations AS
SELECT key, ord, at_ms, said_kind AS escalation, opened_ms, cuts_ticket(at_end(a, handled_by)) AS cuts
FROM ticket_log WHERE type = 'ticket.escalated'
QUALIFY row_number() OVER (PARTITION BY key, said_kind ORDER BY ord) = 1;

CREATE TABLE ticket_first_escalations AS
SELECT *, counting(at_ms - opened_ms) AS span_ms FROM ticket_escalations
WHERE list_contains(getvariable('escalation_kinds'), escalation)
QUALIFY row_number() OVER (PARTITION BY key ORDER BY ord) = 1;

-- ---- what came in -----------------------------------------------------------------------------------------------------------------
CREATE TABLE tickets_entered AS
WITH linked AS (SELECT key, bool_or(customer_id IS NOT NULL) AS linked, list(DISTINCT a.channel) AS channels FROM ticket_log GROUP BY key),
later_channels AS (
    SELECT log.key, list(DISTINCT log.a.channel) AS channels FROM ticket_log log WHERE ord > coalesce(created_ord, first_ord) GROUP BY log.key
)
SELECT entry.*, linked.linked, begun.cuts, begun.channel,
    len(list_filter(later_channels.channels, lambda c: c IS NOT NULL AND c <> begun.channel)) > 0 AS switched
FROM ticket_entry entry JOIN linked USING (key) LEFT JOIN later_channels USING (key)
JOIN ticket_begun begun ON begun.key = entry.key AND begun.ord = coalesce(created_ord, first_ord);

CREATE TABLE tickets_created AS
SELECT key, at_ms, linked, opened_ms, switched, channel, cuts FROM tickets_entered WHERE created_ord IS NOT NULL AND NOT backfill;

-- What entered the backlog otherwise: exports, and tickets first seen open; once created after all, they count as created from then on.
CREATE TABLE tickets_entered_otherwise AS
SELECT key, at_ms, 1 AS amount, cuts FROM tickets_entered WHERE created_ord IS NOT NULL AND backfill
UNION ALL
SELECT entry.key, log.at_ms, 1, cuts FROM tickets_entered entry JOIN ticket_log log ON log.key = entry.key AND log.ord = entry.first_ord
WHERE NOT entry.born AND NOT done(log.first_status)
UNION ALL
SELECT key, at_ms, -1, cuts FROM tickets_entered WHERE created_late;

-- ---- cohorts of the created: what became of them, whenever -------------------------------------------------------------------------
CREATE TABLE created_cohort AS
WITH outcome AS (
    SELECT key, min(at_ms) AS first_solve_ms, min(at_ms) FILTER (standing) AS standing_solve_ms FROM ticket_solves GROUP BY key
), solves AS (
    SELECT solve.key, solve.at_ms, (SELECT min(reopen.at_ms) FROM ticket_reopens reopen WHERE reopen.key = solve.key AND reopen.ord > solve.ord) AS reopened_ms
    FROM ticket_solves solve
), lasting AS (
    SELECT key, min(at_ms) AS lasting_ms FROM solves WHERE reopened_ms IS NULL OR reopened_ms - at_ms > 86400000 GROUP BY key
), escalated AS (
    SELECT key, at_ms AS escalated_ms FROM ticket_first_escalations
)
SELECT created.key, created.at_ms, created.cuts,
    counting(first_solve_ms - opened_ms) AS first_ms, counting(standing_solve_ms - opened_ms) AS full_ms,
    counting(lasting_ms - opened_ms) AS lasting_ms, counting(escalated_ms - opened_ms) AS escalated_ms
FROM tickets_created created LEFT JOIN outcome USING (key) LEFT JOIN lasting USING (key) LEFT JOIN escalated USING (key);

CREATE VIEW cohort_first AS SELECT at_ms, cuts, first_ms AS outcome_ms, NULL::BIGINT AS censored_ms FROM created_cohort;
CREATE VIEW cohort_full AS SELECT at_ms, cuts, full_ms AS outcome_ms, NULL::BIGINT AS censored_ms FROM created_cohort;
CREATE VIEW cohort_lasting AS SELECT at_ms, cuts, lasting_ms AS outcome_ms, NULL::BIGINT AS censored_ms FROM created_cohort;
CREATE VIEW cohort_escalated AS SELECT at_ms, cuts, escalated_ms AS outcome_ms, NULL::BIGINT AS censored_ms FROM created_cohort;

-- The unit is the ticket: entered at its first solve, its outcome is the first reopening.
CREATE TABLE cohort_reopened AS
SELECT solve.key, solve.at_ms, begun.cuts, min(reopen.at_ms - solve.at_ms) AS outcome_ms, NULL::BIGINT AS censored_ms
FROM ticket_solves solve JOIN ticket_begun begun USING (key, ord)
LEFT JOIN ticket_reopens reopen ON reopen.key = solve.key AND reopen.ord > solve.ord
WHERE solve.number = 1 GROUP BY ALL;

-- ---- replies ----------------------------------------------------------------------------------------------------------------------
CREATE TABLE first_replies AS
SELECT key, ord, at_ms, replier, a.team AS team, cuts_ticket(with_agent(a, handled_by, replier)) AS cuts, counting(at_ms - clock_ms) AS span_ms
FROM ticket_log WHERE is_human AND humans = 1;

CREATE VIEW first_reply_waits AS SELECT at_ms, cuts, span_ms FROM first_replies WHERE span_ms IS NOT NULL;

CREATE TABLE first_bot_reply_waits AS
SELECT at_ms, cuts_ticket(at_end(a, handled_by)) AS cuts, counting(at_ms - clock_ms) AS span_ms
FROM ticket_log WHERE is_bot AND bots = 1 AND humans = 0 AND counting(at_ms - clock_ms) IS NOT NULL;

-- The clock as it stood at the first human reply, or stands now; dated at its start.
CREATE TABLE cohort_first_reply AS
WITH clock AS (
    SELECT key, arg_max(clock_ms, ord) AS at_ms, arg_max(clock_ord, ord) AS ord FROM ticket_log WHERE humans_before = 0 AND clock_ms IS NOT NULL GROUP BY key
)
SELECT clock.at_ms, begun.cuts, counting(first_replies.at_ms - clock.at_ms) AS outcome_ms, NULL::BIGINT AS censored_ms
FROM clock JOIN ticket_begun begun USING (key, ord) LEFT JOIN first_replies ON first_replies.key = clock.key;

-- Runs of customer messages after the first human reply; a reply answers a run, a solve ends it without an answer.
CREATE TABLE runs AS
WITH started AS (
    SELECT key, resets, min(ord) AS ord, min_by(at_ms, ord) AS start_ms FROM ticket_log WHERE is_message AND humans > 0 GROUP BY key, resets
)
SELECT started.key, started.start_ms, started.ord, ender.at_ms AS end_ms, ender.is_human AS answered, ender.a, ender.handled_by, ender.replier
FROM started LEFT JOIN ticket_log ender ON ender.key = started.key AND ender.resets = started.resets + 1 AND (ender.is_human OR ender.solves);

CREATE TABLE next_reply_waits AS
SELECT end_ms AS at_ms, cuts_ticket(with_agent(a, handled_by, replier)) AS cuts, counting(end_ms - start_ms) AS span_ms
FROM runs WHERE answered AND counting(end_ms - start_ms) IS NOT NULL;

CREATE TABLE cohort_next_reply AS
SELECT start_ms AS at_ms, cuts, CASE WHEN answered THEN end_ms - start_ms END AS outcome_ms,
    CASE WHEN NOT answered THEN end_ms - start_ms END AS censored_ms
FROM runs JOIN ticket_begun USING (key, ord);

-- ---- what is dated at the latest solve -----------------------------------------------------------------------------------------------
CREATE TABLE tickets_solved AS
SELECT *, CASE WHEN humans = 1 AND reopened_before = 0 THEN 'one_touch' WHEN humans > 0 THEN 'replied' WHEN bots > 0 THEN 'bot_only' ELSE 'no_reply' END AS class
FROM ticket_solves WHERE standing;

CREATE VIEW full_resolutions AS SELECT at_ms, cuts, class, counting(at_ms - opened_ms) AS span_ms FROM tickets_solved WHERE counting(at_ms - opened_ms) IS NOT NULL;
CREATE VIEW full_resolutions_no_reply AS SELECT * FROM full_resolutions WHERE class = 'no_reply';
CREATE VIEW first_resolutions AS
    SELECT at_ms, cuts, counting(at_ms - opened_ms) AS span_ms FROM ticket_solves WHERE number = 1 AND counting(at_ms - opened_ms) IS NOT NULL;
CREATE VIEW requester_waits AS
    SELECT at_ms, cuts, counting(wait_ms) AS span_ms FROM tickets_solved WHERE opened_ms IS NOT NULL AND counting(wait_ms) IS NOT NULL;
CREATE TABLE requester_waits_by_start AS
    SELECT entered.at_ms, entered.cuts, counting(solved.wait_ms) AS span_ms
    FROM tickets_entered entered JOIN tickets_solved solved USING (key)
    WHERE entered.opened_ms IS NOT NULL AND solved.opened_ms IS NOT NULL AND counting(solved.wait_ms) IS NOT NULL;
CREATE VIEW ticket_handles AS SELECT at_ms, cuts, counting(logged_ms) AS span_ms FROM tickets_solved WHERE counting(logged_ms) IS NOT NULL;
CREATE TABLE ticket_handles_by_start AS
    SELECT entered.at_ms, entered.cuts, counting(solved.logged_ms) AS span_ms
    FROM tickets_entered entered JOIN tickets_solved solved USING (key)
    WHERE entered.opened_ms IS NOT NULL AND counting(solved.logged_ms) IS NOT NULL;
CREATE VIEW escalation_waits AS SELECT at_ms, cuts, escalation, span_ms FROM ticket_first_escalations WHERE span_ms IS NOT NULL;

-- Counted escalations that a ticket had when it was solved.
CREATE TABLE tickets_solved_escalated AS
SELECT solved.key, solved.at_ms, solved.cuts, list(DISTINCT escalation.escalation) AS kinds
FROM tickets_solved solved JOIN ticket_escalations escalation ON escalation.key = solved.key AND escalation.ord < solved.ord
WHERE list_contains(getvariable('escalation_kinds'), escalation.escalation) GROUP BY ALL;

CREATE TABLE solved_customers AS
SELECT solved.at_ms, customer, cuts_ticket(with_agent(a, NULL::VARCHAR, NULL::VARCHAR)) AS cuts
FROM tickets_solved solved JOIN owners USING (key);

-- ---- levels -----------------------------------------------------------------------------------------------------------------------
CREATE TABLE tickets_open AS
SELECT log.at_ms AS from_ms, next_ms AS to_ms, status_after AS status, coalesce(opened_ms, entry_ms) AS begun_ms,
    cuts_ticket(at_entry(a)) AS cuts
FROM ticket_log log WHERE NOT done(status_after) AND (next_ms IS NULL OR next_ms > log.at_ms);

CREATE TABLE tickets_waiting AS
SELECT at_ms AS from_ms, next_ms AS to_ms, waiting_since_ms AS begun_ms, cuts_ticket(at_entry(a)) AS cuts
FROM ticket_log WHERE waits(status_after) AND waiting_since_ms IS NOT NULL AND (next_ms IS NULL OR next_ms > at_ms);

-- ---- owners ----------------------------------------------------------------------------------------------------------------------
-- Connected at the first human reply; transferred when a second agent or team took over afterwards.
CREATE TABLE tickets_connected AS
WITH later AS (
    SELECT connect.key, log.ord, log.type, log.mode, connect.replier AS first_agent, connect.team AS first_team,
        CASE WHEN log.is_human THEN log.replier WHEN log.type = 'ticket.assigned' OR log.a.agent IS DISTINCT FROM log.agent_before THEN log.a.agent END AS agent,
        CASE WHEN log.type = 'ticket.assigned' OR log.a.team IS DISTINCT FROM log.team_before THEN log.a.team END AS team
    FROM first_replies connect JOIN ticket_log log ON log.key = connect.key AND log.ord > connect.ord
), owned AS (
    SELECT *, coalesce(first_agent, first_value(agent IGNORE NULLS) OVER along) AS owner,
        coalesce(first_team, first_value(team IGNORE NULLS) OVER along) AS owning_team
    FROM later WINDOW along AS (PARTITION BY key ORDER BY ord)
), passed AS (
    SELECT key, list(DISTINCT mode) FILTER (type = 'ticket.transferred') AS modes, min(ord) FILTER (type = 'ticket.transferred') AS told_ord,
        min(ord) FILTER (agent <> owner OR team <> owning_team) AS taken_ord
    FROM owned GROUP BY key
)
SELECT connect.at_ms, connect.cuts, told_ord IS NOT NULL OR taken_ord IS NOT NULL AS transferred,
    list_distinct(coalesce(modes, []) || CASE WHEN taken_ord < coalesce(told_ord, taken_ord + 1) THEN ['unknown'] ELSE [] END) AS modes
FROM first_replies connect LEFT JOIN passed USING (key);

-- ---- complaints ------------------------------------------------------------------------------------------------------------------
-- Each complaint once: on its ticket, or on its own.
CREATE TABLE complaints AS
WITH raised AS (
    SELECT log.key, log.ord, log.at_ms, log.complaint_id, coalesce(log.category, '') AS category, log.department, log.a, ticket_log.handled_by
    FROM log LEFT JOIN ticket_log ON ticket_log.key = log.key AND ticket_log.ord = log.ord WHERE log.type = 'complaint.raised'
    QUALIFY row_number() OVER (PARTITION BY log.key, log.complaint_id ORDER BY log.ord) = 1
)
SELECT at_ms, category, cuts_complaint({
    'channel': a.channel, 'team': a.team, 'queue': a.queue, 'priority': a.priority, 'issue_type': a.issue_type, 'product': a.product,
    'brand': a.brand, 'region': a.region, 'language': a.language, 'customer_tier': a.customer_tier, 'handled_by': handled_by, 'agent': a.agent,
    'department': department
}) AS cuts FROM raised;
