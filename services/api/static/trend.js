// The line beside a number: history from /v1/series, drawn by uPlot; the target as a dashed line, the amber line dotted, where most points lie as
// a band, the newest point as a dot.
// A trend that nobody can see asks for nothing and draws nothing: a wall shows nine, the figures below it are thirty more.
import { age, comparable } from "./figure_text.js";

const REFRESH_MS = 60_000;
const MOST_AT_ONCE = 3;
const MOST_LIVE = 700;
const FEWEST_OF_A_BAND = 8;
const HIGH_ENOUGH = 90; // pixels, to say below the line how far back it goes
const LABEL = 26;
const WORDS = 19; // the size of words on a screen of 1920 pixels, for which these lengths are meant
const LEAST_SECONDS = 60; // of a line: what has come since the page was opened is at first a dot without a scale

const waiting = [];
let running = 0;

function next() {
  while (running < MOST_AT_ONCE && waiting.length) {
    running++;
    waiting.shift()().finally(() => { running--; next(); });
  }
}

const dirty = new Set();
const trends = new WeakMap();
const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => trends.get(target)?.later()));
const seen = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => trends.get(target)?.see(isIntersecting)), { rootMargin: "200px" });

function flush() {
  for (const trend of dirty) trend.draw();
  dirty.clear();
}

export class Trend {
  /** `heard` is called when `usual`, the range of most points, has become another. */
  constructor(element, tile, heard) {
    this.element = element;
    this.tile = tile;
    this.heard = heard;
    this.usual = null;
    this.alike = comparable(tile);
    this.label = Object.assign(document.createElement("span"), { className: "since" });
    this.points = []; // [seconds, value]
    this.live = []; // what the stream said of an instant, for figures without a past
    this.visible = false;
    this.past = true;
    this.over = false;
    trends.set(element, this);
    sized.observe(element);
    seen.observe(element);
    this.timer = setInterval(() => this.load(), REFRESH_MS * (0.9 + 0.2 * Math.random()));
  }

  close() {
    this.over = true;
    clearInterval(this.timer);
    sized.unobserve(this.element);
    seen.unobserve(this.element);
    trends.delete(this.element);
    dirty.delete(this);
    this.clear();
  }

  see(visible) {
    const first = visible && !this.visible && !this.points.length;
    this.visible = visible;
    if (first) this.load();
    if (visible) this.later();
  }

  load() {
    if (!this.visible || document.hidden || this.over || !this.past || this.asked || this.end === undefined) return;
    this.asked = true;
    waiting.push(async () => {
      if (!this.over) await this.fetch();
      this.asked = false;
    });
    next();
  }

  async fetch() {
    const { kpi, trend, dims } = this.tile;
    const asked = new URLSearchParams({ kpi, step: trend.step, ...dims });
    asked.set("from", new Date((this.end - trend.span_seconds) * 1000).toISOString());
    asked.set("to", new Date(this.end * 1000).toISOString());
    const answer = await fetch(`/v1/series?${asked}`).catch(() => null);
    if (answer?.status === 422) this.past = false; // a figure without a past: its line grows from the stream
    const line = answer?.ok && (await answer.json().catch(() => null))?.series?.[0];
    if (!line || this.over) return;
    const whole = this.alike ? line.points : line.points.filter((p) => Date.parse(p.end) / 1000 <= this.end); // half an hour's count is not an hour's
    const points = whole.map((p) => [Date.parse(p.start) / 1000, p.value]);
    const begun = points.findIndex(([, value]) => value); // before it nothing was counted yet: the line starts where there is something to show
    this.points = begun > 0 ? points.slice(begun - 1) : points;
    this.later();
  }

  /** The newest figure: the end of time, and for figures of an instant the newest point. */
  tell(figure, asOf) {
    const begun = this.end === undefined;
    this.end = asOf;
    if (begun && this.visible && !this.points.length) this.load();
    if (this.tile.window !== "now" || figure.value === null) return;
    const before = this.live.at(-2);
    if (before && asOf - before[0] < this.tile.trend.span_seconds / 600) this.live.pop(); // one point a pixel is enough
    this.live.push([asOf, figure.value]);
    while (this.live.length > MOST_LIVE || (this.live.length && this.live[0][0] < asOf - this.tile.trend.span_seconds)) this.live.shift();
    this.later();
  }

  /** Draws with the next frame, all trends together. */
  later() {
    if (!this.visible || this.over) return;
    if (!dirty.size) requestAnimationFrame(flush);
    dirty.add(this);
  }

  colours() {
    const style = getComputedStyle(this.element);
    const of = (name) => style.getPropertyValue(name).trim();
    const scale = Math.max(1, parseFloat(style.fontSize) / WORDS); // lines are as thick beside larger words
    return { scale, line: of("--trend"), band: of("--band"), target: of("--ink-3"), watch: of("--watch"), dot: of("--state") || of("--trend") };
  }

  /** Between which values four of five points lie, null of few points. */
  most(values) {
    const known = values.filter((v) => v !== null).sort((a, b) => a - b);
    if (known.length < FEWEST_OF_A_BAND) return null;
    const rank = (share) => known[Math.round(share * (known.length - 1))];
    return [rank(0.1), rank(0.9)];
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const known = this.points.length ? this.points[this.points.length - 1][0] : -Infinity;
    const all = [...this.points, ...this.live.filter(([at]) => at > known)];
    const xs = all.map(([at]) => at), ys = all.map(([, v]) => v);
    const before = String(this.usual);
    this.usual = this.most(ys);
    if (String(this.usual) !== before) this.heard();
    if (width < 40 || height < 12 || !xs.length || xs.at(-1) - xs[0] < LEAST_SECONDS || ys.filter((v) => v !== null).length < 2) return this.clear();
    const lines = this.alike ? [this.tile.target ?? null, this.tile.watch ?? null] : [null, null];
    const data = [xs, ys, ...lines.map((line) => xs.map(() => line))];
    this.paint = this.colours();
    const tall = height >= HIGH_ENOUGH * this.paint.scale;
    if (this.plot && (this.tall !== tall || this.scale !== this.paint.scale)) this.clear();
    Object.assign(this, { tall, scale: this.paint.scale });
    if (!this.plot) this.plot = new uPlot(this.options(width, height), data, this.element);
    else {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(data);
    }
    this.label.textContent = `${age(Math.round((this.end - xs[0]) / 60) * 60).replace(".0", "")} ago`;
    if (tall && !this.label.isConnected) this.element.append(this.label);
  }

  options(width, height) {
    const across = (name, dash) => ({ stroke: () => this.paint[name], width: 1.5 * this.scale, dash: dash.map((one) => one * this.scale), points: { show: false } });
    return {
      width, height, padding: [8, 10, this.tall ? LABEL : 8, 2].map((one) => one * this.scale), legend: { show: false }, cursor: { show: false }, select: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: false },
        y: {
          range: (u, low, high) => { // a line that hardly moves looks as if it hardly moved
            const middle = (low + high) / 2, half = Math.max((high - low) / 2, Math.abs(middle) * 0.05) * 1.24 || 1;
            return [middle - half, middle + half];
          },
        },
      },
      series: [{}, { stroke: () => this.paint.line, width: 2 * this.scale, spanGaps: true, points: { show: false } }, across("target", [5, 5]), across("watch", [2, 5])],
      hooks: { drawClear: [(u) => this.band(u)], draw: [(u) => this.dot(u)] },
    };
  }

  band(u) {
    if (!this.usual) return;
    const [low, high] = this.usual.map((value) => u.valToPos(value, "y", true));
    const { left, width } = u.bbox;
    u.ctx.save();
    u.ctx.fillStyle = this.paint.band;
    u.ctx.fillRect(left, high, width, Math.max(2, low - high));
    u.ctx.restore();
  }

  dot(u) {
    const [x, y] = u.data;
    let i = y.length - 1;
    while (i >= 0 && y[i] === null) i--;
    if (i < 0) return;
    u.ctx.save(); // uPlot remembers what it last set and would fill the area with our colour
    u.ctx.fillStyle = this.paint.dot;
    u.ctx.beginPath();
    u.ctx.arc(u.valToPos(x[i], "x", true), u.valToPos(y[i], "y", true), 6 * this.scale * (window.devicePixelRatio || 1), 0, 2 * Math.PI);
    u.ctx.fill();
    u.ctx.restore();
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.label.remove();
  }
}
