-- Answers of surveys, whether they name a ticket or stand alone, and the invitations they follow.

-- One row for each answered question, as often as it was told.
CREATE TABLE told_answers AS
WITH unpacked AS (
    SELECT key, kind, ord, at_ms, customer, a, response_id, survey_type, survey_channel,
        unnest(from_json(answers,
            '[{"question": "VARCHAR", "metric": "VARCHAR", "score": "DOUBLE", "scale_min": "DOUBLE", "scale_max": "DOUBLE"}]')) AS said,
        generate_subscripts(from_json(answers, '["JSON"]'), 1) AS place
    FROM log WHERE type = 'survey.responded'
), scaled AS (
    SELECT * EXCLUDE (said), said.metric AS metric, coalesce(said.question, 'overall') AS asked, said.score AS score,
        coalesce(said.scale_min, CASE WHEN said.metric IN ('csat', 'ces', 'stars') THEN 1 WHEN said.metric IN ('nps', 'yes_no') THEN 0 END) AS low,
        coalesce(said.scale_max,
            CASE said.metric WHEN 'csat' THEN 5 WHEN 'stars' THEN 5 WHEN 'ces' THEN 7 WHEN 'nps' THEN 10 WHEN 'yes_no' THEN 1 END) AS high
    FROM unpacked
), counted AS (
    SELECT key, response_id, count(DISTINCT asked) AS questions FROM scaled WHERE metric = 'csat' GROUP BY ALL
)
-- A response's only question of satisfaction is its overall one, whatever it is called.
SELECT s.*,
    CASE WHEN s.metric = 'csat' AND c.questions = 1 THEN 'overall' ELSE s.asked END AS question,
    s.score IS NOT NULL AND s.low < s.high AND s.score BETWEEN s.low AND s.high AS valid
FROM scaled s LEFT JOIN counted c ON c.key = s.key AND c.response_id = s.response_id;

-- An answer is an upsert by response and question: what was told last holds.
CREATE TABLE held_answers AS
SELECT * FROM told_answers
QUALIFY row_number() OVER (
    PARTITION BY key, response_id, metric, question, survey_type IN ('post_case', 'transactional') ORDER BY ord DESC, place DESC
) = 1;

-- About a case: of several answers to one question the last within 7 days replaces. Credit goes to whoever last replied before.
CREATE TABLE case_answers AS
WITH standing AS (
    SELECT * FROM held_answers h
    WHERE valid AND survey_type IN ('post_case', 'transactional') AND NOT EXISTS (
        SELECT 1 FROM told_answers later
        WHERE later.key = h.key AND later.metric = h.metric AND later.question = h.question AND later.valid
            AND later.survey_type IN ('post_case', 'transactional')
            AND (later.ord, later.place) > (h.ord, h.place) AND later.at_ms - h.at_ms <= 7 * 86400000
    )
), known AS (
    SELECT s.*,
        (SELECT arg_max(coalesce(l.actor_id, l.a.agent), l.ord) FROM log l
         WHERE l.key = s.key AND l.ord < s.ord AND l.type = 'ticket.public_reply' AND l."by" = 'human') AS replier,
        (SELECT count(*) FILTER ("by" = 'human') FROM log l WHERE l.key = s.key AND l.ord < s.ord AND l.type = 'ticket.public_reply') AS human,
        (SELECT count(*) FILTER ("by" = 'bot') FROM log l WHERE l.key = s.key AND l.ord < s.ord AND l.type = 'ticket.public_reply') AS bot,
        (SELECT max(t.at_ms) FROM ticket_solves t WHERE t.key = s.key AND t.ord < s.ord) AS solved_ms
    FROM standing s
)
SELECT key, at_ms, solved_ms, metric, question, score, (score - low) / (high - low) AS share,
    printf('%g', low) || '-' || printf('%g', high) AS scale,
    cuts_survey(struct_insert(struct_update(a, agent := coalesce(replier, a.agent)),
        handled_by := CASE WHEN human > 0 AND bot > 0 THEN 'mixed' WHEN human > 0 THEN 'human' WHEN bot > 0 THEN 'bot' END,
        survey_type := survey_type, survey_channel := survey_channel)) AS cuts,
    cuts_customer(a) AS customer_cuts
FROM known;

CREATE TABLE case_recommendations AS
SELECT at_ms, round(score)::BIGINT AS score, customer_cuts AS cuts FROM case_answers WHERE metric = 'nps' AND scale = '0-10';

CREATE TABLE case_answers_by_solve AS SELECT * REPLACE (solved_ms AS at_ms) FROM case_answers WHERE solved_ms IS NOT NULL;

-- Recommendations of relationship surveys: each counts from when it was given to the customer's next, at most 90 days.
-- The anonymous stand for themselves.
CREATE TABLE recommendations AS
WITH given AS (
    SELECT coalesce(o.customer, '~' || h.key) AS customer, h.at_ms, h.key, h.response_id, h.ord, h.place, round(h.score)::BIGINT AS score, h.a
    FROM held_answers h LEFT JOIN owners o USING (key)
    WHERE h.valid AND h.metric = 'nps' AND h.survey_type = 'relationship' AND h.low = 0 AND h.high = 10
)
SELECT score, at_ms AS from_ms,
    -- least() leaves out what is NULL
    least(at_ms + 90 * 86400000::BIGINT, lead(at_ms) OVER (PARTITION BY customer ORDER BY at_ms, key, response_id, ord, place)) AS to_ms,
    cuts_customer(a) AS cuts
FROM given;

CREATE TABLE sent_invitations AS SELECT key, ord FROM log WHERE type = 'survey.sent';

-- Invitations: entered when the first one of their name was sent; outcome: the first response that names it.
CREATE TABLE invitations AS
WITH sent AS (
    SELECT key, ord, source, survey_id, at_ms, survey_type, survey_channel FROM log WHERE type = 'survey.sent'
    QUALIFY row_number() OVER (PARTITION BY source, survey_id ORDER BY at_ms, key, ord) = 1
), answered AS (
    SELECT source, survey_id, min(at_ms) AS at_ms FROM log WHERE type = 'survey.responded' AND survey_id IS NOT NULL GROUP BY ALL
), attributes AS (
    SELECT s.source, s.survey_id,
        count(*) FILTER (l.ord <= s.ord AND l.type = 'ticket.public_reply' AND l."by" = 'human') AS human,
        count(*) FILTER (l.ord <= s.ord AND l.type = 'ticket.public_reply' AND l."by" = 'bot') AS bot
    FROM sent s JOIN log l ON l.key = s.key GROUP BY ALL
)
SELECT s.at_ms, counting(r.at_ms - s.at_ms) AS outcome_ms, NULL::BIGINT AS censored_ms,
    cuts_survey(struct_insert(struct_update(e.a,
        handled_by := CASE WHEN human > 0 AND bot > 0 THEN 'mixed' WHEN human > 0 THEN 'human' WHEN bot > 0 THEN 'bot' END),
        survey_type := s.survey_type, survey_channel := s.survey_channel)) AS cuts
FROM sent s
JOIN entry_attributes('sent_invitations') e ON e.key = s.key AND e.ord = s.ord
JOIN attributes t ON t.source = s.source AND t.survey_id = s.survey_id
LEFT JOIN answered r ON r.source = s.source AND r.survey_id = s.survey_id;
