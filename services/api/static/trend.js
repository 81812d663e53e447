// The line under a number: history from /v1/series, drawn by uPlot; the target as a dashed line, the newest point as a dot.
// A trend that nobody can see asks for nothing and draws nothing: a wall shows nine, the figures below it are thirty more.
const REFRESH_MS = 60_000;
const MOST_AT_ONCE = 3;
const MOST_LIVE = 700;

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
  constructor(element, tile) {
    this.element = element;
    this.tile = tile;
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
    if (!this.visible || document.hidden || this.over || !this.past || this.asked) return;
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
    if (this.end) {
      asked.set("from", new Date((this.end - trend.span_seconds) * 1000).toISOString());
      asked.set("to", new Date(this.end * 1000).toISOString());
    }
    const answer = await fetch(`/v1/series?${asked}`).catch(() => null);
    if (answer?.status === 422) this.past = false; // a figure without a past: its line grows from the stream
    const line = answer?.ok && (await answer.json().catch(() => null))?.series?.[0];
    if (!line || this.over) return;
    const points = line.points.map((p) => [Date.parse(p.start) / 1000, p.value]);
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
    return { line: of("--trend"), fill: of("--band"), target: of("--ink-3"), dot: of("--state") || of("--trend") };
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const known = this.points.length ? this.points[this.points.length - 1][0] : -Infinity;
    const all = [...this.points, ...this.live.filter(([at]) => at > known)];
    if (width < 20 || height < 12 || all.filter(([, v]) => v !== null).length < 2) return this.clear();
    const xs = all.map(([at]) => at), ys = all.map(([, v]) => v);
    const target = this.tile.target ?? null;
    const data = target === null ? [xs, ys] : [xs, ys, xs.map(() => target)];
    this.paint = this.colours();
    if (!this.plot) this.plot = new uPlot(this.options(width, height, target !== null), data, this.element);
    else {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(data);
    }
  }

  options(width, height, aimed) {
    const series = [{}, { stroke: () => this.paint.line, width: 2, fill: () => this.paint.fill, spanGaps: true, points: { show: false } }];
    if (aimed) series.push({ stroke: () => this.paint.target, width: 1.5, dash: [5, 5], points: { show: false } });
    return {
      width, height, padding: [8, 10, 8, 2], legend: { show: false }, cursor: { show: false }, select: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: false },
        y: { range: (u, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.12; return [low - room, high + room]; } },
      },
      series, hooks: { draw: [(u) => this.dot(u)] },
    };
  }

  dot(u) {
    const [x, y] = u.data;
    let i = y.length - 1;
    while (i >= 0 && y[i] === null) i--;
    if (i < 0) return;
    u.ctx.save(); // uPlot remembers what it last set and would fill the area with our colour
    u.ctx.fillStyle = this.paint.dot;
    u.ctx.beginPath();
    u.ctx.arc(u.valToPos(x[i], "x", true), u.valToPos(y[i], "y", true), 6 * (window.devicePixelRatio || 1), 0, 2 * Math.PI);
    u.ctx.fill();
    u.ctx.restore();
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
  }
}
