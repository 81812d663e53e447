-- finest: 5s
SELECT 'completed' AS anchor, window_name, cut, n, n AS denominator, least[n] / 1000 AS value_low, most[n] / 1000 AS value_high,
    {'count': n::DOUBLE} AS parts,
    [quantile_of(least, 0.5) / 1000, quantile_of(most, 0.5) / 1000] AS between_p50,
    [quantile_of(least, 0.9) / 1000, quantile_of(most, 0.9) / 1000] AS between_p90
FROM ages('contacts_waiting', 5000)
