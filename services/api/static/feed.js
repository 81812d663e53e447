// One EventSource for the whole board: figures by key, a watchdog that notices silence, and coming back by itself.
const SILENT_MS = 25_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

export const keyOf = (kpi, window, dims = {}) => [kpi, window, ...Object.keys(dims).sort().map((d) => `${d}=${dims[d]}`)].join("|");

export class Feed {
  /** `told(changed keys, whole)` after each message, `state({feed, since, why})` when the state changes. */
  constructor(address, told, state) {
    this.address = address;
    this.told = told;
    this.state = state;
    this.figures = new Map();
    this.pulse = null;
    this.heardAt = 0; // performance.now() of the last message
    this.goodAt = null; // wall time of the last message from a board that was caught up
    this.now = "connecting";
    this.retry = FIRST_RETRY_MS;
    this.open();
    setInterval(() => this.watch(), 1000);
    addEventListener("online", () => this.again(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.watch());
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = (this.source = new EventSource(this.address));
    source.addEventListener("snapshot", (e) => this.take(e, true));
    source.addEventListener("change", (e) => this.take(e, false));
    source.addEventListener("beat", (e) => this.take(e, false));
    source.onerror = () => {
      // The browser retries after a lost connection but gives up for good after an answer that is no stream, such as 503 from a proxy.
      if (source === this.source && source.readyState === EventSource.CLOSED) this.again(this.retry);
    };
    this.openedAt = performance.now();
  }

  again(afterMs) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), afterMs * (0.8 + 0.4 * Math.random())); // spread, so that all walls of a company do not come at once
    this.retry = Math.min(LAST_RETRY_MS, this.retry * 2);
  }

  take(event, whole) {
    const message = JSON.parse(event.data);
    this.heardAt = performance.now();
    this.retry = FIRST_RETRY_MS;
    this.pulse = message.pulse;
    if (whole) this.figures.clear();
    const changed = [];
    for (const figure of message.figures || []) {
      const key = keyOf(figure.kpi, figure.window, figure.dims);
      this.figures.set(key, figure);
      changed.push(key);
    }
    if (this.pulse.ready) this.goodAt = new Date();
    this.judge();
    this.told(changed, whole);
  }

  /** Seconds since the server last said that the figures are current. */
  age() {
    return this.heardAt ? (performance.now() - this.heardAt) / 1000 : null;
  }

  watch() {
    const silent = this.heardAt && performance.now() - this.heardAt > SILENT_MS;
    if (silent && performance.now() - this.openedAt > SILENT_MS) this.open(); // half-open connections never report an error
    this.judge();
  }

  judge() {
    const silent = !this.heardAt || performance.now() - this.heardAt > SILENT_MS;
    const cut = this.source.readyState !== EventSource.OPEN && this.heardAt && performance.now() - this.heardAt > SILENT_MS / 5;
    let feed = "live", why = "";
    if (!this.heardAt && performance.now() < SILENT_MS) feed = "connecting";
    else if (silent || cut) [feed, why] = ["stale", "The server cannot be reached. The board comes back by itself."];
    else if (!this.pulse.ready) [feed, why] = ["stale", this.pulse.reason || "The figures are not caught up yet."];
    this.now = feed;
    this.state({ feed, why, since: this.goodAt });
  }
}
