"""The oracle: every KPI a second time, in SQL, computed by DuckDB over the events as they were published.

It is written from the definitions and shares no code with `kpis/`: `frame`, `spans`, `intervals` and `sql/` import nothing of ours
(a test walks their imports). Only what compares reads what the product makes of the same events.

How it is built:

* `frame.Oracle(lines, …)` loads events (JSON text, one event each, as in the topic `events`), reads `sql/*.sql`, makes their macros,
  and makes each table (and whatever that is made from) when a KPI first names it. Every file and every KPI may read
  `getvariable('answer_within_ms')`, `'short_abandon_ms'`, `'escalation_kinds'` (a list) and, in a KPI, `'within_ms'` (its target, or
  NULL).
* `10_log.sql` makes `log`: one row an event that counts, in the order of its entity: `key`, `kind` (before the first colon), `ord`
  (1, 2, … within the key), `at_ms`, the fields of the event as columns (`event_id` is its id, `said_kind` its `kind`; `"to"`,
  `"from"`, `"of"`, `"by"`; `answers` is JSON), the attributes *said* by the event under their own names (NULL = not said), and `a`:
  a struct of the attributes *in force after* it: channel, team, queue, priority, issue_type, product, brand, region, language,
  customer_tier, agent; `customer` is the customer in force. What changes them beside being said (assigned, transferred,
  priority_changed, classified, call.transferred's to_queue) is in. Merged tickets' messages and answers stand in the log of their
  primary. `void` holds the keys that count nowhere (deleted and merged tickets); their rows are not in `log`. Merged leads are the
  business of 50_sales.sql.
* `20_tickets.sql` makes `ticket_log` (the log of tickets with status, transitions, counts so far, waits) and the facts of tickets;
  `tickets_solved` has the standing latest solve of each ticket (key, ord, at_ms, a, cuts), `ticket_solves` every solve,
  `tickets_entered` one row a ticket (key, at_ms, created_ord, backfill, by_customer, opened_ms, cuts).
* A *fact table* has one row for each thing that counts: `at_ms` (when it counts), `cuts` (the list of its cuts as text: `''` for
  the total, `channel=email`, `channel=email|team=a` for a configured pair), and what it says. `cuts_ticket(s)`, `cuts_complaint(s)`,
  `cuts_survey(s)`, `cuts_sale(s)`, `cuts_customer(s)` make the list from a struct with the dimensions of that set as fields
  (`frame.DIMENSIONS`); `at_end(a, handled_by)` and `at_entry(a)` make such a struct for tickets and calls from `a`.
* `sql/kpis/<kpi id>.sql` is ONE select that answers for every asked window and cut at once (one query instead of thousands). It
  reads the table `asked(window_name, start_ms, end_ms, now_ms, present)` and gives columns `anchor` ('completed' or 'created'; a
  KPI that has but one anchor gives that), `window_name`, `cut`, `value`, `n`, `numerator`, `denominator`, `ci_low`, `ci_high`,
  `parts` (a map or a struct of numbers). A column that is missing or NULL is not compared, except `value` when there is no
  `value_low`; a part that is NULL is not compared; a part of the product's that the oracle does not name is a difference. Where a
  number is known only within the width of a bucket the select gives `value_low` and `value_high` (then `value` may be NULL), and
  `between`, a map of parts to [least, most]. A cut or window without a row means that nothing counts there. The first line of the
  file names the finest level that the KPI is read at: `-- finest: 5s`, `1m` or `15m`.
* `05_macros.sql` has what recurs. Scalars: `wilson(k, n)`, `nps_interval(promoters, detractors, n)`, `poisson(n)` (structs of low,
  high), `counting(span_ms)` (a span as it counts, NULL when quarantined). Tables, over a fact table given by name:
  `inside('facts')` (a row for each fact, asked window and cut: the columns of the fact with window_name, end_ms, now_ms, cut),
  `durations('facts', [within_ms, …])` (facts with `span_ms`: median, p90, mean, shares, interval), `cohort('facts', horizon_ms)` and
  `median_of_cohort('facts', [within_ms, …])` (facts with `outcome_ms`, `censored_ms`: spans since at_ms, or NULL), `levels('facts')`
  (facts with `from_ms`, `to_ms` instead of at_ms: the level at the end, the exact time mean), `ages('facts', finest_ms)`. Their
  columns are those of a KPI, but for anchor: `SELECT 'created' AS anchor, * FROM cohort('cohort_first', 604800000)`.
* `compared` reads the product's figures of the same events and lists every difference.
"""
