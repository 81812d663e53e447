// One EventSource for the whole board: figures by key, a watchdog that notices silence, and coming back by itself.
const SILENT_MS = 25_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
const BEHIND_MS = 60_000;

export const keyOf = (kpi, window, dims = {}) => [kpi, window, ...Object.keys(dims).sort().map((d) => `${d}=${dims[d]}`)].join("|");

export class Feed {
  /** `told(changed keys, whole)` after each message, `state({feed, since, why})` when it is judged. Ages go by `performance.now()` only. */
  constructor(address, time, told, state) {
    this.address = address;
    this.time = time;
    this.told = told;
    this.state = state;
    this.figures = new Map();
    this.pulse = null;
    this.begunAt = performance.now();
    this.heardAt = 0; // performance.now() of the last message
    this.goodAt = null; // the server's time of the last message from a board that was caught up
    this.now = "connecting";
    this.retry = FIRST_RETRY_MS;
    this.ending = new AbortController();
    this.open();
    this.watching = setInterval(() => this.watch(), 1000);
    const { signal } = this.ending;
    addEventListener("online", () => this.again(0), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.watch(), { signal });
  }

  close() {
    this.ending.abort();
    clearInterval(this.watching);
    clearTimeout(this.timer);
    this.source.close();
    this.source = null;
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = (this.source = new EventSource(this.address));
    for (const name of ["snapshot", "change", "beat"]) {
      source.addEventListener(name, (e) => source === this.source && this.take(e, name === "snapshot"));
    }
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
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return; // half a message of a cut connection: the next one is whole, or the watchdog speaks
    }
    this.heardAt = performance.now();
    this.retry = FIRST_RETRY_MS;
    this.pulse = message.pulse;
    this.time.told(this.pulse.as_of);
    if (whole) this.figures.clear();
    const changed = [];
    for (const figure of message.figures || []) {
      const key = keyOf(figure.kpi, figure.window, figure.dims);
      // A figure that does not change stays current and is not told again; one that was old when it was told is old.
      figure.behind = Date.parse(this.pulse.as_of) - Date.parse(figure.as_of) > BEHIND_MS;
      this.figures.set(key, figure);
      changed.push(key);
    }
    if (this.pulse.ready) this.goodAt = Date.parse(this.pulse.as_of);
    this.judge();
    this.told(changed, whole);
  }

  /** Seconds since the server last spoke. */
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
    if (!this.heardAt && performance.now() - this.begunAt < SILENT_MS) feed = "connecting";
    else if (silent || cut) [feed, why] = ["stale", "The server cannot be reached. The board comes back by itself."];
    else if (!this.pulse.ready) [feed, why] = ["stale", this.pulse.reason || "The figures are not caught up yet."];
    this.now = feed;
    this.state({ feed, why, since: this.goodAt });
  }
}
