// Where a figure comes from: the cases that count, what was left out, and the events behind each. Everything from elsewhere is put in as text.
import { ask, make, shown, table } from "./dom.js";
import { amount, duration } from "./figure_text.js";

const LIMIT = 100;
const EVENTS_SHOWN = 8;
const clock = (at) => `${at.slice(0, 19).replace("T", " ")} UTC`;

/** Fills the tab. */
export async function lineage(tile, into, signal) {
  const address = `/v1/lineage?${new URLSearchParams({ kpi: tile.kpi, window: tile.window, ...tile.dims, limit: LIMIT })}`;
  into(make("p", "quiet", "reading the logs …"));
  const { told, problem } = await ask(address, { signal });
  if (signal.aborted) return;
  if (!told?.figure) return into(make("p", "problem", problem || shown(told?.detail)));
  const json = make("a", "json", "JSON", { href: address, target: "_blank", rel: "noopener" });
  into(...parts(told), json);
}

function parts(told) {
  const out = [make("p", "filled", shown(told.filled)), make("p", "quiet", shown(told.formula))];
  if (!told.complete) out.push(make("p", "problem", shown(told.reason || "the list may be incomplete")));
  const listed = told.more ? `, the newest ${told.entities.length} listed` : "";
  const beside = told.beside ? `, ${told.beside} told beside` : "";
  out.push(make("h3", "", `${told.counted} count${beside}${listed}`));
  if (told.entities.length) out.push(table("What counts", ["What", "Counts", "Of", "By events"], told.entities.map(entity)));
  const reasons = Object.entries(told.left_out_counts).map(([reason, n]) => `${n} ${reason.replace(/_/g, " ")}`);
  out.push(make("h3", "", reasons.length ? `Left out: ${reasons.join(", ")}` : "Nothing is left out"));
  if (told.left_out.length) {
    out.push(table("What is left out", ["What", "Why", "Detail", "When"], told.left_out.map((one) => [one.entity, one.reason.replace(/_/g, " "), one.detail, clock(one.at)])));
  }
  const late = told.revisions.late_applied;
  if (told.revisions.total || late) {
    const [n] = amount(late, "");
    out.push(make("h3", "", `Revision ${told.revisions.total}; ${n} event${late === 1 ? "" : "s"} of this span came over an hour late`));
  }
  return out;
}

function entity(one) {
  const counts = one.counts.map((line) => {
    const lasted = line.value_seconds === null ? "" : ` ${duration(line.value_seconds).join(" ")}`;
    const name = [line.measure, line.class].filter(Boolean).join(" ").replace(/_/g, " ");
    return `${name}${lasted}${line.count === 1 ? "" : ` × ${line.count}`} at ${clock(line.at)}${line.beside ? " (beside)" : ""}`;
  });
  const first = [...one.events].sort((a, b) => (b.made.length > 0) - (a.made.length > 0)).slice(0, EVENTS_SHOWN);
  const more = one.events.length - first.length + one.more_events;
  const events = first.map((event) => `${event.type} ${event.id} at ${clock(event.occurred_at)}`);
  if (more) events.push(`… ${more} more`);
  const of = Object.entries(one.attributes).map(([name, value]) => `${name} ${value}`);
  return [one.through ? [one.entity, one.through] : one.entity, counts, of, events];
}
