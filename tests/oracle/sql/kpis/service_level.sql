-- finest: 5s
WITH counted AS (
    SELECT window_name, cut,
        count(*) FILTER (answered AND wait_ms <= getvariable('answer_within_ms')) AS soon,
        count(*) FILTER (answered AND wait_ms > getvariable('answer_within_ms')) AS late,
        count(*) FILTER (NOT answered AND wait_ms <= getvariable('answer_within_ms')) AS gave_up_soon,
        count(*) FILTER (NOT answered AND wait_ms > getvariable('answer_within_ms')) AS gave_up_late
    FROM inside('offered_calls') GROUP BY window_name, cut
), summed AS (
    SELECT *, soon + late AS answered, soon + late + gave_up_late AS n, soon + late + gave_up_soon + gave_up_late AS offered FROM counted
)
SELECT 'completed' AS anchor, window_name, cut, soon / nullif(n, 0) AS value, n, soon AS numerator, n AS denominator,
    wilson(soon, n).low AS ci_low, wilson(soon, n).high AS ci_high,
    {'formula_1': (soon + gave_up_soon) / nullif(offered, 0), 'formula_2': soon / nullif(answered, 0),
     'formula_3': soon / nullif(offered, 0), 'formula_4': soon / nullif(n, 0)} AS parts
FROM summed
