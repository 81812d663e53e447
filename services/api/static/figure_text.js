// Figures as people read them: a number and its unit, windows, intervals, verdicts. Pure: no page, no clock.
const MINUS = "−";

/** A duration in seconds as [number, unit], in the largest unit that keeps two digits. */
export function duration(seconds) {
  const s = Math.abs(seconds), sign = seconds < 0 ? MINUS : "";
  if (s < 99.5) return [sign + (s < 9.95 && s % 1 ? s.toFixed(1) : Math.round(s)), "s"];
  if (s < 99.5 * 60) return [sign + short(s / 60), "min"];
  if (s < 48 * 3600) return [sign + short(s / 3600), "h"];
  return [sign + short(s / 86400), "d"];
}

const short = (x) => (x < 9.95 ? x.toFixed(1) : String(Math.round(x)));
const grouped = (x) => String(x).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

/** A share 0–1 as a percentage without its sign. */
function percent(ratio) {
  const p = ratio * 100;
  const exact = (p !== 0 && Math.abs(p) < 9.95) || (p > 99 && p < 100); // 99.9 % is not all
  return (exact ? Math.min(p, p < 100 ? 99.9 : 100).toFixed(1) : String(Math.round(p))).replace("-", MINUS);
}

function count(x) {
  const whole = Number.isInteger(x) || Math.abs(x) >= 100;
  return grouped(whole ? Math.round(x) : x.toFixed(1)).replace("-", MINUS);
}

const isScore = (unit) => unit === "score" || unit === "nps" || unit === "points";

/** [number, unit] of a value. */
export function amount(value, unit) {
  if (unit === "seconds") return duration(value);
  if (unit === "ratio") return [percent(value), "%"];
  if (isScore(unit)) return [(value > 0 ? "+" : "") + String(Math.round(value)).replace("-", MINUS), ""];
  return [count(value), ""];
}

/** "21–28 min": both ends in the unit of the larger one. */
export function range(low, high, unit) {
  if (unit === "seconds") {
    const [, word] = duration(high);
    const per = { s: 1, min: 60, h: 3600, d: 86400 }[word];
    const both = [low / per, high / per].map((x) => (high / per < 9.95 && per > 1 ? x.toFixed(1) : String(Math.round(x))));
    return `${both[0]}–${both[1]} ${word}`;
  }
  const [a] = amount(low, unit), [b, word] = amount(high, unit);
  return `${a}${a.startsWith(MINUS) || b.startsWith(MINUS) || isScore(unit) ? " to " : "–"}${b}${word ? ` ${word}` : ""}`;
}

const WINDOWS = {
  now: "now", "5m": "last 5 min", "15m": "last 15 min", "1h": "last hour", "4h": "last 4 h", "24h": "last 24 h", today: "today", week: "this week",
  month: "this month", quarter: "this quarter", "7d": "last 7 d", "28d": "last 28 d", "90d": "last 90 d", "365d": "last 365 d",
};
const LONG = { m: "min", h: "h", d: "d" };
export const windowName = (window) => WINDOWS[window] || window.replace(/^(\d+)([mhd])$/, (_, n, unit) => `last ${n} ${LONG[unit]}`);

const REASONS = {
  no_data: "nothing in this window yet", no_sketch: "too thin to tell", young: "too young to tell", insufficient: "too few to tell",
};

/** Where a figure stands against its target: a state, a shape with a word, and the target in words. */
export function verdict(figure, tile) {
  if (!figure || figure.value === null) {
    const why = !figure ? "waiting for the first figure" : REASONS[figure.reason] || (figure.reason || "no data").replace(/_/g, " ");
    return { state: "none", word: `○ ${why}`, target: figure ? targetText(tile) : "" };
  }
  const few = figure.quality === "insufficient";
  if (tile.target === null || tile.target === undefined) return { state: "plain", word: few ? "○ few cases" : "", target: "" };
  const up = tile.better === "up";
  const beyond = (line) => (up ? line - figure.value : figure.value - line) > 0;
  const target = targetText(tile);
  if (few) return { state: "plain", word: "○ few cases", target };
  const side = up ? "under" : "over";
  if (tile.watch !== null && tile.watch !== undefined) {
    if (beyond(tile.target) && beyond(tile.watch)) return { state: "bad", word: `▲ ${side} target`, target };
    if (beyond(tile.target)) return { state: "watch", word: `◆ just ${side}`, target };
    return beyond(tile.watch) ? { state: "watch", word: "◆ near the target", target } : { state: "ok", word: "● on target", target };
  }
  if (!beyond(tile.target)) return { state: "ok", word: "● on target", target };
  const edge = up ? figure.ci_high : figure.ci_low;
  const unsure = edge !== null && (up ? edge >= tile.target : edge <= tile.target); // the interval does not rule out that it is met
  const near = unsure || Math.abs(figure.value - tile.target) <= Math.abs(tile.target) * 0.1;
  return near ? { state: "watch", word: `◆ just ${side}`, target } : { state: "bad", word: `▲ ${side} target`, target };
}

/** "target ≤ 30 min", "" without one. */
export function targetText(tile) {
  if (tile.target === null || tile.target === undefined) return "";
  return `target ${tile.better === "up" ? "≥" : "≤"} ${spoken(tile.target, tile.unit)}`;
}

/** Interval and n, as far as they are known. */
export function certainty(figure) {
  if (!figure || figure.value === null) return "";
  if (!["seconds", "ratio"].includes(figure.unit) && !isScore(figure.unit)) return ""; // what was counted is not an estimate
  const parts = [];
  if (figure.ci_low !== null && figure.ci_high !== null) parts.push(`95 % ${range(figure.ci_low, figure.ci_high, figure.unit)}`);
  if (figure.window !== "now" || figure.n > 1) parts.push(`n ${grouped(figure.n)}`);
  return parts.join(" · ");
}

/** Whether the points of a trend are of the same kind as the number: what is counted over a window is another count over a step of it. */
export const comparable = (tile) => tile.window === "now" || ["seconds", "ratio"].includes(tile.unit) || isScore(tile.unit);

const EACH = { "1m": "a minute", "1h": "an hour", "1d": "a day" };

/** "mostly 290–330 in 3 h", "mostly 14–22 an hour": the range of a trend's middle points, so that its line has a scale; "" without one. */
export function mostly(usual, tile) {
  if (!usual) return "";
  const [low, high] = usual.map((x) => Math.round(x));
  const all = low === high ? spoken(low, tile.unit) : range(low, high, tile.unit);
  const { step, span_seconds: span } = tile.trend;
  return `mostly ${all} ${comparable(tile) ? `in ${age(span)}`.replace(".0", "") : EACH[step] || `in ${spanName(step)}`}`;
}

/** How wide a number and its unit stand, in em of the number: digits are broader than the letters of a unit, which is written smaller. */
export const widthOf = (number, unit) => +(0.68 * String(number).length + (unit ? 0.1 + 0.22 * unit.length : 0)).toFixed(2);

/** An age in words that are short enough for a header. */
export const age = (seconds) => duration(Math.max(0, seconds)).join(" ");

/** A value with its unit in one piece: "30 min". */
export const spoken = (value, unit) => amount(value, unit).filter((part) => part !== "").join(" ");

/** "15 min" of "15m"; "" of an instant. */
export const spanName = (window) => (window === "now" ? "" : window.replace(/^(\d+)([mhd])$/, (_, n, unit) => `${n} ${LONG[unit]}`));

const PER = { s: 1, min: 60, h: 3600, d: 86400 };

/** A value as it is typed into a field, exactly: "30 min", "20 s", "80 %", "12". `readAmount` reads it back. */
export function typed(value, unit) {
  if (value === null || value === undefined) return "";
  if (unit === "ratio") return `${+(value * 100).toFixed(6)} %`;
  if (unit !== "seconds") return String(value);
  const word = ["d", "h", "min"].find((name) => value && value % PER[name] === 0) || "s";
  return `${value / PER[word]} ${word}`;
}

/** What somebody typed as a value in the unit of the figure: null of nothing, NaN of what is no number. */
export function readAmount(text, unit) {
  const bare = text.trim().replace(MINUS, "-").replace(",", ".");
  if (bare === "") return null;
  const match = /^([+-]?\d+(?:\.\d+)?)\s*(%|s|sec|min|m|h|d)?$/.exec(bare);
  if (!match) return NaN;
  const [number, word] = [Number(match[1]), { sec: "s", m: "min" }[match[2]] || match[2]];
  if (unit === "ratio") return !word && Math.abs(number) <= 1 ? number : word && word !== "%" ? NaN : +(number / 100).toFixed(10);
  if (unit === "seconds") return word === "%" ? NaN : number * PER[word || "s"];
  return word ? NaN : number;
}
