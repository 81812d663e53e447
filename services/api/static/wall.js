// The wall board: lays out what the server declares, then only changes what the stream says has changed.
import { Feed, keyOf } from "./feed.js";
import { age, amount, certainty, verdict, windowName } from "./figure_text.js";
import { LineagePanel } from "./lineage.js";
import { SourcesPanel } from "./sources.js";
import { Trend } from "./trend.js";

const RELOAD_MS = 6 * 3600_000; // a page that runs for months starts anew now and then, against leaks of the browser
const SILENT_SOURCE_SECONDS = 15 * 60;
const MOST_PARTS = 8;
const at = (id) => document.getElementById(id);
const make = (name, className = "", text = "") => Object.assign(document.createElement(name), { className, textContent: text });
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

class TileView {
  constructor(tile, heading) {
    this.tile = tile;
    this.key = keyOf(tile.kpi, tile.window);
    this.element = make("article", "tile");
    this.element.dataset.kpi = tile.kpi;
    this.element.title = tile.about;
    const head = make(heading);
    head.append(make("b", "", tile.title), make("span", "", windowName(tile.window)));
    this.value = make("div", "value");
    this.number = document.createTextNode("");
    this.unit = make("small");
    this.value.append(this.number, this.unit);
    const plot = make("div", "trend");
    plot.setAttribute("aria-hidden", "true");
    const foot = make("div", "foot");
    const word = make("span", "word");
    this.verdict = make("span", "verdict");
    this.target = make("span");
    word.append(this.verdict, this.target);
    this.certainty = make("span", "ci");
    foot.append(word, this.certainty);
    this.element.append(head, this.value, plot, foot);
    this.plot = plot;
    this.show(undefined, 0);
  }

  start() {
    this.trend = new Trend(this.plot, this.tile);
  }

  show(figure, asOf) {
    const told = verdict(figure, this.tile);
    if (this.element.dataset.state !== told.state) {
      this.element.dataset.state = told.state;
      this.trend?.restyle();
    }
    const [number, unit] = figure && figure.value !== null ? amount(figure.value, figure.unit) : [figure ? "NO DATA" : "…", ""];
    if (this.number.data !== String(number)) this.number.data = String(number);
    put(this.unit, unit);
    put(this.verdict, told.word);
    put(this.target, told.target ? (told.word ? ` · ${told.target}` : told.target) : "");
    const sure = certainty(figure);
    const alone = !told.word && !told.target; // without a target the interval takes the verdict's place
    if (alone) put(this.target, sure);
    put(this.certainty, alone ? "" : sure);
    if (figure) this.trend?.tell(figure, asOf);
  }
}

class Wall {
  constructor(board) {
    this.board = board;
    document.title = `${board.title} · deskpulse`;
    put(at("title"), board.title);
    put(at("where"), [board.tenant === "main" ? "All teams" : board.tenant, board.time_zone.split("/").pop().replace(/_/g, " ")].join(" · "));
    const big = board.tiles.map((tile) => new TileView(tile, "h2"));
    const small = board.rest.map((tile) => new TileView(tile, "h3"));
    const all = document.documentElement.dataset.view === "all";
    at("tiles").replaceChildren(...(all ? [] : big.map((view) => view.element)));
    at("rest").replaceChildren(...(all ? [...big, ...small] : small).map((view) => view.element));
    at("all").hidden = !(small.length || all);
    this.views = [...big, ...small];
    for (const view of this.views) view.start();
    const panel = new LineagePanel(at("lineage"));
    for (const view of this.views) panel.attach(view.element, view.tile);
    new SourcesPanel(at("sources"), at("standings"));
    this.clockText = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: board.time_zone });
    this.exactText = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: board.time_zone });
    this.feed = new Feed(`/v1/stream?board=${encodeURIComponent(board.id)}`, (keys, whole) => this.told(keys, whole), (state) => this.state(state));
    setInterval(() => this.tick(), 500);
    this.tick();
    setTimeout(() => this.reload(), RELOAD_MS);
  }

  told(keys, whole) {
    const asOf = Date.parse(this.feed.pulse.as_of) / 1000;
    const changed = new Set(keys);
    for (const view of this.views) {
      const figure = this.feed.figures.get(view.key);
      if (whole || changed.has(view.key)) view.show(figure, asOf);
      else if (figure) view.trend.tell(figure, asOf);
    }
    if (whole || keys.some((key) => key.includes("="))) this.strip();
    this.sources();
  }

  strip() {
    const strip = this.board.strip;
    if (!strip) return;
    const parts = [];
    for (const figure of this.feed.figures.values()) {
      const name = figure.dims[strip.dimension];
      if (name === undefined || figure.kpi !== strip.count.kpi || figure.window !== strip.count.window || figure.value === null) continue;
      parts.push({ name, count: figure, wait: this.feed.figures.get(keyOf(strip.wait.kpi, strip.wait.window, { [strip.dimension]: name })) });
    }
    parts.sort((a, b) => b.count.value - a.count.value || a.name.localeCompare(b.name));
    const most = Math.max(1, ...parts.map((part) => part.count.value));
    const boxes = parts.slice(0, MOST_PARTS).map(({ name, count, wait }) => {
      const box = make("div", "part");
      const known = wait && wait.value !== null;
      const over = known && strip.wait.target !== null && wait.value > strip.wait.target;
      const meter = Object.assign(document.createElement("meter"), { min: 0, max: most, value: Math.max(0, count.value) });
      meter.setAttribute("aria-label", `${name}: ${count.value} of at most ${most}`);
      const shown = name === "__other__" ? "Others" : name.length <= 3 ? name.toUpperCase() : name[0].toUpperCase() + name.slice(1).replace(/_/g, " ");
      box.append(
        make("b", "", shown),
        make("span", "n", amount(count.value, count.unit).join(" ").trim()),
        make("i", "", "active"),
        make("i", over ? "over" : "", known ? `${over ? "◆ " : ""}first reply ${amount(wait.value, wait.unit).join(" ")}` : "no reply yet"),
        meter,
      );
      return box;
    });
    at("strip").replaceChildren(...boxes);
  }

  sources() {
    const seen = this.feed.pulse.sources;
    const now = Date.parse(this.feed.pulse.as_of);
    const names = [...new Set([...this.board.sources, ...Object.keys(seen)])].sort();
    const text = names.map((name) => [name, seen[name] ? Math.floor((now - Date.parse(seen[name])) / 1000) : null]);
    const shape = JSON.stringify(text.map(([name, s]) => [name, s === null ? "never" : s > SILENT_SOURCE_SECONDS ? Math.floor(s / 60) : "on"]));
    if (shape === this.shape) return;
    this.shape = shape;
    at("sources").replaceChildren(
      ...text.slice(0, 8).map(([name, seconds]) => {
        const silent = seconds === null || seconds > SILENT_SOURCE_SECONDS;
        const one = make("span", silent ? "silent" : "");
        one.append(make("i", "dot"), name + (seconds === null ? " nothing yet" : silent ? ` silent ${age(seconds)}` : ""));
        return one;
      }),
    );
  }

  state({ feed, why, since }) {
    if (document.body.dataset.feed !== feed) document.body.dataset.feed = feed;
    const text = since ? `no data since ${this.exactText.format(since)}` : "no data yet";
    at("notice").hidden = feed !== "stale";
    if (feed === "stale") {
      put(at("notice-title"), text[0].toUpperCase() + text.slice(1));
      put(at("notice-why"), why);
    }
    put(at("live"), feed === "stale" ? `▲ ${text}` : feed === "live" ? this.liveText() : "connecting …");
  }

  liveText() {
    const pulse = this.feed.pulse;
    if (this.board.now === "watermark") return `live · as of ${pulse.as_of.slice(0, 16).replace("T", " ")}`;
    if (!pulse.last_event) return "live · no event yet";
    const seconds = (Date.parse(pulse.as_of) - Date.parse(pulse.last_event)) / 1000 + this.feed.age();
    return `live · last event ${age(Math.round(seconds))}`;
  }

  tick() {
    put(at("clock"), this.clockText.format(new Date()));
    if (this.feed.now === "live") put(at("live"), this.liveText());
  }

  async reload() {
    const alive = await fetch("/healthz", { cache: "no-store" }).then((r) => r.ok).catch(() => false);
    if (alive) location.reload();
    else setTimeout(() => this.reload(), 60_000);
  }
}

async function begin(waitMs = 1000) {
  const name = location.pathname.split("/")[2] || "operations";
  const board = await fetch(`/v1/boards/${encodeURIComponent(name)}`, { cache: "no-store" }).then((r) => (r.ok ? r.json() : null)).catch(() => null);
  if (board) new Wall(board);
  else setTimeout(() => begin(Math.min(15_000, waitMs * 2)), waitMs);
}

begin();
