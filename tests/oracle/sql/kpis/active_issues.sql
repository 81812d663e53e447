-- finest: 1m
WITH open AS (SELECT * FROM levels('tickets_open')),
waiting AS (SELECT window_name, cut, last AS waiting FROM levels('contacts_waiting')),
there AS (
    SELECT window_name, unnest(cuts) AS cut, status FROM tickets_open JOIN asked ON from_ms < end_ms AND (to_ms IS NULL OR to_ms >= end_ms)
), statuses AS (SELECT window_name, cut, status, count(*) AS n FROM there GROUP BY ALL), by_status AS (
    SELECT window_name, cut, map_from_entries(list({'k': status, 'v': n::DOUBLE})) AS parts FROM statuses GROUP BY ALL
)
SELECT 'completed' AS anchor, window_name, cut, coalesce(value, 0) AS value, coalesce(open.n, 0) AS n, numerator,
    map_concat(coalesce(by_status.parts, MAP {}::MAP(VARCHAR, DOUBLE)),
        map_from_entries([{'k': 'waiting', 'v': coalesce(waiting, 0)::DOUBLE}]
            || CASE WHEN end_ms > start_ms THEN [{'k': 'last', 'v': coalesce(open.last, 0)::DOUBLE}] ELSE [] END)) AS parts,
    coalesce(highest_least, 0) AS highest_least, coalesce(highest_most, 0) AS highest_most
FROM open FULL JOIN waiting USING (window_name, cut) LEFT JOIN by_status USING (window_name, cut) JOIN asked USING (window_name)
