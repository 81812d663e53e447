-- finest: 1m
SELECT 'completed' AS anchor, window_name, cut, n, n AS denominator,
    quantile_of(least, 0.5) / 1000 AS value_low, quantile_of(most, 0.5) / 1000 AS value_high,
    {'count': n::DOUBLE} AS parts,
    [quantile_of(least, 0.9) / 1000, quantile_of(most, 0.9) / 1000] AS between_p90, [least[n] / 1000, most[n] / 1000] AS between_max
FROM ages('tickets_open', 60000)
