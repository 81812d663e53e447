// Spikes as people read them. Pure: no page, no clock. The words of a sender stay apart (`{ theirs }`) so that they can be put in isolated.
import { range, spanName, spoken } from "./figure_text.js";

const NAMED = [["year", 365.25 * 86400], ["month", 30.44 * 86400], ["week", 7 * 86400], ["day", 86400], ["hour", 3600], ["minute", 60]];

/** "once in 9 months": how often chance alone does this; "" when nobody knows. */
export function rarity(seconds) {
  if (seconds === null || seconds === undefined || !(seconds > 0)) return "";
  if (seconds >= 1000 * NAMED[0][1]) return "less than once in 1000 years";
  const [name, per] = NAMED.find(([, size]) => seconds >= 1.95 * size) || NAMED.at(-1);
  const many = Math.max(1, Math.round(seconds / per));
  return many === 1 ? `once a ${name}` : `once in ${many} ${name}s`;
}

const bare = (x) => String(Math.round(x * 10) / 10);
const said = (x, unit) => (unit === "seconds" ? spoken(x, unit) : bare(x));

/** "usually 0–7", in the unit of what was observed. */
export function usual({ usual_low: low, usual_high: high, expected, unit }) {
  const known = (x) => x !== null && x !== undefined;
  if (!known(low) || !known(high)) return known(expected) ? `usually ${said(expected, unit)}` : "";
  if (low === high) return `usually ${said(low, unit)}`;
  if (unit !== "seconds") return `usually ${said(low, unit)}–${said(high, unit)}`;
  return low ? `usually ${range(low, high, unit)}` : `usually up to ${said(high, unit)}`;
}

/** "in 15 min"; "" of an instant. */
export const within = (spike) => (spike.unit === "seconds" || !spanName(spike.window) ? "" : `in ${spanName(spike.window)}`);
export const observed = (spike) => said(spike.observed, spike.unit);

/** "chat × billing" as the values of its dimensions, each a stranger's word. */
export const slice = (dims) => Object.entries(dims || {}).sort(([a], [b]) => a.localeCompare(b)).map(([, value]) => value);

/** "11 of 14", or the share of the excess where nothing was counted. */
export function carried(cause, spike) {
  if (spike.unit === "seconds") return cause.share === null || cause.share === undefined ? "" : `${Math.round(cause.share * 100)} % of it`;
  return `${bare(cause.observed)} of ${bare(spike.observed)}`;
}

/** One sentence for a screen reader, told once. */
export function sentence(spike, shown, when) {
  const cause = spike.causes?.[0];
  const parts = [`${shown(spike.title)}: ${observed(spike)} ${within(spike)}`.trim(), usual(spike)];
  if (cause) parts.push(`from ${slice(cause.dims).map(shown).join(" and ")}`);
  parts.push(`since ${when(spike.since)}`);
  return `${parts.filter(Boolean).join(", ")}.`;
}
