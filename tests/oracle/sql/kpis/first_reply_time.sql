-- finest: 1m
WITH bot AS (
    SELECT window_name, cut, count(*)::DOUBLE AS bot_n, sum(span_ms) / count(*) / 1000 AS bot_mean FROM inside('first_bot_reply_waits') GROUP BY ALL
), silent AS (
    SELECT window_name, cut, count(*)::DOUBLE AS no_reply FROM inside('tickets_solved') WHERE class = 'no_reply' GROUP BY ALL
)
SELECT 'completed' AS anchor, * EXCLUDE (parts, bot_n, bot_mean, no_reply),
    map_concat(coalesce(parts, MAP {}::MAP(VARCHAR, DOUBLE)),
        MAP {'bot_n': coalesce(bot_n, 0.0), 'bot_mean': bot_mean, 'no_reply': coalesce(no_reply, 0.0)}) AS parts
FROM durations('first_reply_waits', [3600000]) FULL JOIN bot USING (window_name, cut) FULL JOIN silent USING (window_name, cut)
UNION ALL BY NAME
SELECT 'created' AS anchor, * FROM median_of_cohort('cohort_first_reply', [3600000])
