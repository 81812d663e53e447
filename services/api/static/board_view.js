// One board on the page: lays out what the server declares, then only changes what the stream says has changed. `close` leaves nothing behind.
import { at, make, put, shown } from "./dom.js";
import { Feed } from "./feed.js";
import { age } from "./figure_text.js";
import { SourceLights, Standings } from "./sources.js";
import { Strip } from "./strip.js";
import { TileView } from "./tile.js";

/** How many big tiles stand side by side, so that they fill a screen evenly; the last row shares its width. */
const columns = (count) => ({ 0: 1, 1: 1, 2: 2, 4: 2, 7: 4, 8: 4 })[count] || (count <= 9 ? 3 : count <= 12 ? 4 : 5);

function arrange(room, elements) {
  const across = columns(elements.length), left = elements.length % across;
  room.style.setProperty("--columns", left ? across * left : across);
  elements.forEach((element, i) => element.style.setProperty("--span", !left ? 1 : i < elements.length - left ? left : across));
}
const RETRY_REVISION_MS = 5_000;

export class BoardView {
  /** `moved` is called when the server keeps another revision of this board than the one shown. */
  constructor(board, { time, spikes, open, moved }) {
    this.board = board;
    this.time = time;
    this.spikes = spikes;
    this.moved = moved;
    this.askedAgain = -Infinity;
    time.zone = board.time_zone;
    time.walks = board.now !== "watermark";
    document.title = `${shown(board.title)} · deskpulse`;
    put(at("title"), shown(board.title));
    put(at("where"), [board.tenant === "main" ? "All teams" : shown(board.tenant), board.time_zone.split("/").pop().replace(/_/g, " ")].join(" · "));
    const big = board.tiles.map((tile) => new TileView(tile, "h2", time, open));
    const small = (board.rest || []).map((tile) => new TileView(tile, "h3", time, open));
    const all = document.documentElement.dataset.view === "all";
    at("tiles").replaceChildren(...(all ? [] : big.map((view) => view.element)));
    arrange(at("tiles"), big.map((view) => view.element));
    if (!big.length && !all) at("tiles").append(make("p", "nothing", "This board has no tiles yet. All figures are below."));
    at("rest").replaceChildren(...(all ? [...big, ...small] : small).map((view) => view.element));
    at("all").hidden = !(small.length || all);
    this.views = [...big, ...small];
    for (const view of this.views) view.start();
    this.strip = new Strip(at("strip"), board.strip);
    this.lights = new SourceLights(at("sources"), board.sources);
    at("stands").hidden = !board.declaration?.sources;
    this.standings = board.declaration?.sources ? new Standings(at("stands-table")) : null;
    this.leftOut(board.problems || []);
    this.feed = new Feed(`/v1/stream?board=${encodeURIComponent(board.id)}`, time, (keys, whole) => this.told(keys, whole), (state) => this.state(state));
    this.ticking = setInterval(() => this.tick(), 500);
    this.tick();
  }

  close() {
    clearInterval(this.ticking);
    this.feed.close();
    this.standings?.close();
    for (const view of this.views) view.close();
  }

  /** What the board declares and the server no longer has: said, not hidden. */
  leftOut(problems) {
    at("left-out").hidden = !problems.length;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    put(at("left-out"), problems.length ? `◆ Left out of this board: ${shown(problems[0].reason)}${more}` : "");
  }

  told(keys, whole) {
    const { pulse, figures } = this.feed;
    const asOf = Date.parse(pulse.as_of) / 1000;
    const changed = new Set(keys);
    for (const view of this.views) {
      const figure = figures.get(view.key);
      if (whole || changed.has(view.key)) view.show(figure, asOf);
      else if (figure) view.trend?.tell(figure, asOf);
    }
    if (whole || keys.some((key) => key.includes("="))) this.strip.tell(figures);
    this.spikes.tell(pulse.spikes);
    for (const view of this.views) view.unusual(this.spikes.open.find((spike) => spike.kpi === view.tile.kpi) || null);
    this.lights.tell(pulse);
    const kept = pulse.boards?.[this.board.id];
    if (kept !== undefined && kept !== this.board.revision && performance.now() - this.askedAgain > RETRY_REVISION_MS) {
      this.askedAgain = performance.now();
      this.moved(kept);
    }
  }

  state({ feed, why, since }) {
    if (document.body.dataset.feed !== feed) {
      const before = document.body.dataset.feed;
      document.body.dataset.feed = feed;
      if (feed === "stale") put(at("said"), `${this.since(since)}. ${shown(why)}`);
      else if (before === "stale") put(at("said"), "The figures are live again.");
    }
    const old = feed === "stale" ? since : undefined;
    if (old !== this.old) for (const view of this.views) view.stale(old);
    this.old = old;
    at("notice").hidden = feed !== "stale";
    if (feed === "stale") {
      const text = this.since(since);
      put(at("notice-title"), text[0].toUpperCase() + text.slice(1));
      put(at("notice-why"), shown(why));
    }
    put(at("live"), feed === "stale" ? `▲ ${this.since(since)}` : feed === "live" ? this.liveText() : "connecting …");
  }

  since(since) {
    return since ? `no data since ${this.time.seconds.format(since)}` : "no data yet";
  }

  liveText() {
    const { pulse } = this.feed;
    if (!this.time.walks) return `live · as of ${this.time.days.format(Date.parse(pulse.as_of))}`;
    if (!pulse.last_event) return "live · no event yet";
    const seconds = (Date.parse(pulse.as_of) - Date.parse(pulse.last_event)) / 1000 + this.feed.age();
    return `live · last event ${age(Math.round(seconds))}`;
  }

  tick() {
    const now = this.time.now();
    put(at("clock"), now === null ? "" : this.time.minutes.format(now));
    at("clock").title = now === null ? "" : `${this.time.days.format(now)}, ${this.time.name}`;
    if (this.feed?.now === "live") put(at("live"), this.liveText());
  }
}
