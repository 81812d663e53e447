-- What recurs. Z is the 97.5 % point of the normal distribution.
CREATE MACRO z() AS 1.959963984540054;

CREATE MACRO wilson(k, n) AS CASE WHEN n > 0 THEN {
    'low': CASE WHEN k = 0 THEN 0.0 ELSE greatest(0.0,
        (k / n + z() * z() / (2 * n) - z() * sqrt((k / n) * (1 - k / n) / n + z() * z() / (4.0 * n * n))) / (1 + z() * z() / n)) END,
    'high': CASE WHEN k = n THEN 1.0 ELSE least(1.0,
        (k / n + z() * z() / (2 * n) + z() * sqrt((k / n) * (1 - k / n) / n + z() * z() / (4.0 * n * n))) / (1 + z() * z() / n)) END
} END;

CREATE MACRO poisson(n) AS {'low': poisson_low(n::BIGINT), 'high': poisson_high(n::BIGINT)};

-- One promoter, one passive and one detractor are added; then the normal interval of a difference of shares.
CREATE MACRO nps_interval(promoters, detractors, n) AS {
    'low': greatest(-100.0, 100 * ((promoters - detractors) / (n + 3) - z() * sqrt(
        ((promoters + 1 + detractors + 1) / (n + 3) - ((promoters - detractors) / (n + 3)) ** 2) / (n + 3)))),
    'high': least(100.0, 100 * ((promoters - detractors) / (n + 3) + z() * sqrt(
        ((promoters + 1 + detractors + 1) / (n + 3) - ((promoters - detractors) / (n + 3)) ** 2) / (n + 3))))
};

-- Facts in the asked windows, once for each of their cuts.
CREATE MACRO inside(facts) AS TABLE
    SELECT * EXCLUDE (cuts, start_ms, end_ms, present), unnest(cuts) AS cut
    FROM query_table(facts) JOIN asked ON at_ms >= start_ms AND at_ms < end_ms;

-- A span as it counts: up to 5 s below zero is 0, anything further below or above ten years is quarantined.
CREATE MACRO counting(span_ms) AS
    CASE WHEN span_ms IS NULL OR span_ms < -5000 OR span_ms > 3650 * 86400000::BIGINT THEN NULL ELSE greatest(span_ms, 0) END;

-- Durations: facts with `span_ms`. The median and the ninth decile are linear between two ranks; the interval is that of order
-- statistics. Beside each end stand its neighbours: where n is large, how far a rank may lie off by rounding.
CREATE MACRO durations(facts, within) AS TABLE
    WITH each AS (
        SELECT window_name, cut, list(span_ms ORDER BY span_ms) AS l, count(*)::BIGINT AS n, sum(span_ms)::BIGINT AS total
        FROM inside(facts) GROUP BY window_name, cut
    ), ranked AS (
        SELECT *,
            greatest(1, least(rank_below(n, 0.5), floor((n - 1) * 0.5)::BIGINT + 1)) AS low_rank,
            least(n, greatest(n + 1 - rank_below(n, 0.5), ceil((n - 1) * 0.5)::BIGINT + 1)) AS high_rank,
            list_sort(list_distinct(list_filter(within || [getvariable('within_ms')::BIGINT], lambda w: w IS NOT NULL))) AS spans
        FROM each
    )
    SELECT window_name, cut, quantile_of(l, 0.5) / 1000 AS value, n, total / 1000 AS numerator, n AS denominator,
        l[low_rank] / 1000 AS ci_low, l[high_rank] / 1000 AS ci_high,
        l[greatest(low_rank - 1, 1)] / 1000 AS ci_low_least, l[least(low_rank + 1, n)] / 1000 AS ci_low_most,
        l[greatest(high_rank - 1, 1)] / 1000 AS ci_high_least, l[least(high_rank + 1, n)] / 1000 AS ci_high_most,
        map_from_entries(
            [{'k': 'p50', 'v': quantile_of(l, 0.5) / 1000}, {'k': 'p90', 'v': quantile_of(l, 0.9) / 1000}, {'k': 'mean', 'v': total / n / 1000}]
            || list_transform(spans, lambda w: {'k': 'within_' || (w // 1000) || 's', 'v': len(list_filter(l, lambda x: x <= w)) / n})
            || list_transform(list_filter([getvariable('within_ms')::BIGINT], lambda w: w IS NOT NULL),
                lambda w: {'k': 'within', 'v': len(list_filter(l, lambda x: x <= w)) / n})
        ) AS parts
    FROM ranked;

CREATE MACRO quantile_of(l, q) AS
    l[floor((len(l) - 1) * q)::BIGINT + 1]
    + (l[ceil((len(l) - 1) * q)::BIGINT + 1] - l[floor((len(l) - 1) * q)::BIGINT + 1]) * ((len(l) - 1) * q - floor((len(l) - 1) * q));

-- How wide the bucket is at most that tells how long ago something began: buckets are small beside their age.
CREATE MACRO blur(age_ms, window_ms) AS CASE
    WHEN age_ms < 13500000 AND window_ms <= 14400000 THEN greatest(60000, getvariable('finest_ms'))
    WHEN age_ms < 82800000 THEN 900000
    WHEN age_ms < 518400000 THEN 3600000
    ELSE 90000000
END;

-- What became of those that entered: facts with `outcome_ms` and `censored_ms` (how long after the entry, or NULL). Who has neither
-- is censored at the present. The age of what is open is known within a bucket only, so each curve is drawn twice: `early` with
-- the exact ages, `late` with the greatest ones; whatever is published lies between the two.
CREATE MACRO curves(facts) AS TABLE
    WITH fact AS (
        SELECT at_ms, window_name, cut, now_ms, end_ms - start_ms AS window_ms,
            CASE WHEN outcome_ms IS NOT NULL THEN greatest(outcome_ms, 0) END AS outcome_ms,
            CASE WHEN outcome_ms IS NULL THEN coalesce(censored_ms, greatest(now_ms - at_ms, 0)) END AS open_ms,
            outcome_ms IS NULL AND censored_ms IS NULL AS still_open
        FROM (SELECT facts.*, unnest(cuts) AS cut, window_name, now_ms, start_ms, end_ms
            FROM query_table(facts) AS facts JOIN asked ON at_ms >= start_ms AND at_ms < end_ms)
    ), twice AS (
        SELECT fact.*, drawn, least(coalesce(outcome_ms, open_ms + CASE WHEN still_open AND drawn = 'late' THEN blur(open_ms, window_ms) ELSE 0 END),
            315360000000) AS followed_ms
        FROM fact CROSS JOIN (SELECT unnest(['early', 'late']) AS drawn)
    ), binned AS (
        SELECT window_name, cut, drawn, bins.upper_ms AS bin, count(outcome_ms)::DOUBLE AS happened, count(*)::DOUBLE AS ended
        FROM twice ASOF JOIN bins ON twice.followed_ms <= bins.upper_ms GROUP BY ALL
    ), risk AS (
        SELECT *, sum(ended) OVER (PARTITION BY window_name, cut, drawn ORDER BY bin DESC) AS at_risk FROM binned
    )
    SELECT window_name, cut, drawn, bin, happened, at_risk,
        product(1 - happened / at_risk) OVER along AS survival,
        sum(CASE WHEN happened < at_risk THEN happened / (at_risk * (at_risk - happened)) END) OVER along AS greenwood
    FROM risk WINDOW along AS (PARTITION BY window_name, cut, drawn ORDER BY bin);

-- The share with their outcome by a horizon. Mature (all entered a horizon ago): outcomes / entered, with Wilson's interval.
-- Young: Kaplan-Meier, with Greenwood's variance on log(-log S) where 0 < S < 1. Cuts that hold no bins show what entered in mature
-- buckets: the last of these ends within an hour before the horizon, so both ends are told.
CREATE MACRO cohort(facts, horizon_ms) AS TABLE
    WITH counted AS (
        SELECT window_name, cut, any_value(end_ms) AS end_ms, any_value(now_ms) AS now_ms, count(*) AS n,
            count(*) FILTER (outcome_ms <= horizon_ms) AS k,
            count(*) FILTER (at_ms < now_ms - horizon_ms - 3600000) AS grown_n_least,
            count(*) FILTER (at_ms < now_ms - horizon_ms) AS grown_n_most,
            count(*) FILTER (at_ms < now_ms - horizon_ms AND outcome_ms <= horizon_ms) AS grown_k
        FROM (SELECT facts.*, unnest(cuts) AS cut, window_name, now_ms, end_ms
            FROM query_table(facts) AS facts JOIN asked ON at_ms >= start_ms AND at_ms < end_ms)
        GROUP BY window_name, cut
    ), estimated AS (
        SELECT window_name, cut, drawn, 1 - last(survival ORDER BY bin) AS p, last(greenwood ORDER BY bin) AS greenwood
        FROM curves(facts) WHERE bin <= horizon_ms GROUP BY window_name, cut, drawn
    ), both_drawn AS (
        SELECT window_name, cut, max(p) FILTER (drawn = 'early') AS most, max(p) FILTER (drawn = 'late') AS least,
            max(greenwood) FILTER (drawn = 'early') AS greenwood, max(greenwood) FILTER (drawn = 'late') AS greenwood_late
        FROM estimated GROUP BY window_name, cut
    )
    SELECT window_name, cut, n, k AS numerator, n AS denominator, end_ms + horizon_ms <= now_ms AS mature,
        CASE WHEN mature THEN k / n WHEN coalesce(most, 0) - coalesce(least, 0) <= 1e-12 THEN coalesce(most, 0) END AS value,
        CASE WHEN NOT mature THEN coalesce(least, 0) END AS value_low,
        CASE WHEN NOT mature THEN coalesce(most, 0) END AS value_high,
        CASE WHEN mature THEN wilson(k, n).low
            WHEN most > 0 AND most < 1 AND most = least AND greenwood = greenwood_late
            THEN 1 - (1 - most) ** exp(-z() * sqrt(greenwood) / abs(ln(1 - most))) END AS ci_low,
        CASE WHEN mature THEN wilson(k, n).high
            WHEN most > 0 AND most < 1 AND most = least AND greenwood = greenwood_late
            THEN 1 - (1 - most) ** exp(z() * sqrt(greenwood) / abs(ln(1 - most))) END AS ci_high,
        grown_n_least, grown_n_most, CASE WHEN grown_n_least = grown_n_most THEN grown_k END AS grown_k
    FROM counted LEFT JOIN both_drawn USING (window_name, cut);

-- The time by which half of those that entered have their outcome; NULL where the curve stays above one half.
CREATE MACRO median_of_cohort(facts, within) AS TABLE
    WITH counted AS (
        SELECT window_name, cut, count(*) AS n, count(outcome_ms) AS k FROM inside(facts) GROUP BY window_name, cut
    ), curve AS MATERIALIZED (SELECT * FROM curves(facts)),
    reached AS (
        SELECT window_name, cut, min(bin) FILTER (drawn = 'early' AND survival <= 0.5 + 1e-12) AS least,
            min(bin) FILTER (drawn = 'late' AND survival <= 0.5 + 1e-12) AS most
        FROM curve GROUP BY window_name, cut
    ), spans AS (
        SELECT DISTINCT unnest(list_filter(within || [getvariable('within_ms')::BIGINT], lambda w: w IS NOT NULL)) AS span_ms
    ), by_span AS (
        SELECT window_name, cut, span_ms, coalesce(1 - min(survival) FILTER (drawn = 'early' AND bin <= span_ms), 0) AS most,
            coalesce(1 - min(survival) FILTER (drawn = 'late' AND bin <= span_ms), 0) AS least
        FROM curve CROSS JOIN spans GROUP BY window_name, cut, span_ms
    ), told AS (
        SELECT window_name, cut, map_from_entries(list({'k': 'within_' || (span_ms // 1000) || 's', 'v': [least, most]})) AS parts
        FROM by_span GROUP BY window_name, cut
    )
    SELECT window_name, cut, n, k AS numerator, n AS denominator,
        CASE WHEN least = most THEN least / 1000 END AS value, least / 1000 AS value_low, most / 1000 AS value_high, told.parts AS between
    FROM counted LEFT JOIN reached USING (window_name, cut) LEFT JOIN told USING (window_name, cut);

-- Levels: facts with `from_ms` and `to_ms` (NULL: still there). What begins at the end of a window is not in it, what ends there is.
CREATE MACRO levels(facts) AS TABLE
    WITH each AS (
        SELECT facts.*, window_name, start_ms, end_ms, unnest(cuts) AS cut
        FROM query_table(facts) AS facts JOIN asked ON from_ms < end_ms AND (to_ms IS NULL OR to_ms >= start_ms)
    ), summed AS (
        SELECT window_name, cut, any_value(start_ms) AS start_ms, any_value(end_ms) AS end_ms,
            count(*) FILTER (to_ms IS NULL OR to_ms >= end_ms) AS last,
            sum(greatest(least(coalesce(to_ms, end_ms), end_ms) - greatest(from_ms, start_ms), 0)) AS stayed_ms,
            count(*) FILTER (from_ms < start_ms AND (to_ms IS NULL OR to_ms >= start_ms)) AS at_start,
            count(*) FILTER (from_ms >= start_ms) AS entered
        FROM each GROUP BY window_name, cut
    )
    SELECT window_name, cut, last AS n, last, at_start,
        CASE WHEN end_ms > start_ms THEN stayed_ms / (end_ms - start_ms) ELSE last END AS value,
        CASE WHEN end_ms = start_ms THEN last END AS numerator,
        greatest(last, at_start) AS highest_least, at_start + entered AS highest_most
    FROM summed;

-- How long ago what is open began: facts with `from_ms`, `to_ms` and `begun_ms`; the age is known within the width of its bucket.
CREATE MACRO ages(facts, finest_ms) AS TABLE
    WITH each AS (
        SELECT window_name, end_ms, unnest(cuts) AS cut, end_ms - begun_ms AS age,
            CASE WHEN age < 780000 THEN finest_ms WHEN age < 13500000 THEN greatest(60000, finest_ms) ELSE blur(age, 90000000) END AS width
        FROM query_table(facts) JOIN asked ON from_ms < end_ms AND (to_ms IS NULL OR to_ms >= end_ms) AND begun_ms < end_ms
    ), listed AS (
        SELECT window_name, cut, list(age ORDER BY age) AS least, list(age + width ORDER BY age + width) AS most, count(*) AS n
        FROM each GROUP BY window_name, cut
    )
    SELECT * FROM listed;
