-- finest: 15m
-- Now and over 90 days: the relationship, as it stands at the end. Over other windows: answers about a case. Never pooled.
WITH given AS (
    SELECT window_name, unnest(cuts) AS cut, score, 'relationship' AS survey_type
    FROM recommendations JOIN asked ON from_ms < end_ms AND to_ms >= end_ms WHERE window_name IN ('now', '90d')
    UNION ALL
    SELECT window_name, cut, score, 'transactional' FROM inside('case_recommendations') WHERE window_name NOT IN ('now', '90d')
), counted AS (
    SELECT window_name, cut, survey_type, count(*) AS n, count(*) FILTER (score >= 9) AS promoters, count(*) FILTER (score <= 6) AS detractors
    FROM given GROUP BY ALL
)
SELECT 'completed' AS anchor, window_name, cut, 100 * (promoters - detractors) / n AS value, n,
    promoters - detractors AS numerator, n AS denominator,
    nps_interval(promoters, detractors, n).low AS ci_low, nps_interval(promoters, detractors, n).high AS ci_high,
    {'survey_type': survey_type, 'promoters': promoters, 'passives': n - promoters - detractors, 'detractors': detractors} AS parts
FROM counted
