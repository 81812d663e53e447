// The line under a number: history from /v1/series, drawn by uPlot; the target as a dashed line, the newest point as a dot.
const REFRESH_MS = 60_000;
const MOST_AT_ONCE = 3;

const colours = (element) => {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(name).trim();
  return { line: of("--trend"), fill: of("--band"), target: of("--ink-3"), dot: of("--state") || of("--trend") };
};

const waiting = [];
let running = 0;

function fetchLater(address) {
  return new Promise((done) => {
    waiting.push(async () => done(await fetch(address).then((r) => (r.ok ? r.json() : { refused: r.status === 422 })).catch(() => null)));
    next();
  });
}

function next() {
  while (running < MOST_AT_ONCE && waiting.length) {
    running++;
    waiting.shift()().finally(() => { running--; next(); });
  }
}

export class Trend {
  constructor(element, tile) {
    this.element = element;
    this.tile = tile;
    this.points = []; // [seconds, value]
    this.live = []; // what the stream said of an instant, for figures without a past
    new ResizeObserver(() => this.draw(true)).observe(element);
    this.load();
    this.timer = setInterval(() => document.hidden || this.load(), REFRESH_MS * (0.9 + 0.2 * Math.random()));
  }

  async load() {
    const { kpi, trend } = this.tile;
    const asked = new URLSearchParams({ kpi, step: trend.step });
    if (this.end) {
      asked.set("from", new Date((this.end - trend.span_seconds) * 1000).toISOString());
      asked.set("to", new Date(this.end * 1000).toISOString());
    }
    const answer = await fetchLater(`/v1/series?${asked}`);
    if (answer?.refused) clearInterval(this.timer); // a figure without a past: its line grows from the stream
    const line = answer?.series?.[0];
    if (!line) return;
    const points = line.points.map((p) => [Date.parse(p.start) / 1000, p.value]);
    const begun = points.findIndex(([, value]) => value); // before it nothing was counted yet: the line starts where there is something to show
    this.points = begun > 0 ? points.slice(begun - 1) : points;
    this.draw(true);
  }

  /** The newest figure: the end of time, and for figures of an instant the newest point. */
  tell(figure, asOf) {
    this.end = asOf;
    if (this.tile.window !== "now" || figure.value === null) return;
    const before = this.live.at(-2);
    if (before && asOf - before[0] < this.tile.trend.span_seconds / 600) this.live.pop(); // one point a pixel is enough
    this.live.push([asOf, figure.value]);
    while (this.live.length && this.live[0][0] < asOf - this.tile.trend.span_seconds) this.live.shift();
    this.draw();
  }

  restyle() {
    this.draw(true);
  }

  draw(rebuild = false) {
    const { width, height } = this.element.getBoundingClientRect();
    const known = this.points.length ? this.points[this.points.length - 1][0] : -Infinity;
    const all = [...this.points, ...this.live.filter(([at]) => at > known)];
    if (width < 20 || height < 12 || all.filter(([, v]) => v !== null).length < 2) {
      if (rebuild) this.clear();
      return;
    }
    const xs = all.map(([at]) => at), ys = all.map(([, v]) => v);
    const target = this.tile.target ?? null;
    const data = target === null ? [xs, ys] : [xs, ys, xs.map(() => target)];
    if (this.plot && !rebuild) {
      this.plot.setData(data);
      return;
    }
    this.clear();
    const c = colours(this.element);
    const ratio = window.devicePixelRatio || 1;
    const series = [{}, { stroke: c.line, width: 2, fill: c.fill, spanGaps: true, points: { show: false } }];
    if (target !== null) series.push({ stroke: c.target, width: 1.5, dash: [5, 5], points: { show: false } });
    const dot = (u) => {
      let i = ys.length - 1;
      const [x, y] = [u.data[0], u.data[1]];
      for (i = y.length - 1; i >= 0 && y[i] === null; i--);
      if (i < 0) return;
      u.ctx.save(); // uPlot remembers what it last set and would fill the area with our colour
      u.ctx.fillStyle = colours(this.element).dot;
      u.ctx.beginPath();
      u.ctx.arc(u.valToPos(x[i], "x", true), u.valToPos(y[i], "y", true), 5 * ratio, 0, 2 * Math.PI);
      u.ctx.fill();
      u.ctx.restore();
    };
    this.plot = new uPlot(
      {
        width, height, padding: [7, 9, 7, 2], legend: { show: false }, cursor: { show: false }, select: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false },
          y: { range: (u, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.12; return [low - room, high + room]; } },
        },
        series, hooks: { draw: [dot] },
      },
      data, this.element,
    );
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
  }
}
