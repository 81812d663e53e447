-- Contacts: tickets and calls together.
CREATE TABLE contacts_waiting AS
SELECT from_ms, to_ms, begun_ms, cuts FROM tickets_waiting UNION ALL SELECT from_ms, to_ms, begun_ms, cuts FROM calls_waiting;
CREATE TABLE contacts_connected AS
SELECT at_ms, cuts, transferred, modes FROM tickets_connected UNION ALL SELECT at_ms, cuts, transferred, modes FROM calls_connected;
CREATE TABLE contact_handles AS
SELECT at_ms, cuts, span_ms FROM ticket_handles UNION ALL SELECT at_ms, cuts, span_ms FROM call_handles;
CREATE TABLE contact_handles_by_start AS
SELECT at_ms, cuts, span_ms FROM ticket_handles_by_start UNION ALL SELECT at_ms, cuts, span_ms FROM call_handles_by_start;
