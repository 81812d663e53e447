// The sources: a light for each in the header, and the panel behind them: last delivery, what became of the deliveries, silence.
import { ask, bdi, button, make, table } from "./dom.js";
import { age } from "./figure_text.js";

const EVERY_MS = 2000;
const SILENT_SECONDS = 15 * 60;
const MOST_LIGHTS = 8;
const counts = (of) => Object.entries(of).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name.replace(/_/g, " ")} × ${n}`).join(", ");
const COLUMNS = [
  ["Source", (one) => bdi(one.source)],
  ["Kind", (one) => one.kind],
  ["State", (one) => (!one.ready ? make("div", "stand-bad", "▲ no secret") : one.quiet ? make("div", "stand-watch", "◆ quiet") : make("div", "stand-ok", "● on"))],
  ["Last delivery", (one) => (one.silent_seconds === null ? "never" : `${age(Math.floor(one.silent_seconds))} ago`)],
  ["Accepted", (one) => one.accepted.toLocaleString("en")],
  ["Ignored", (one) => one.ignored.toLocaleString("en")],
  ["Rejected", (one) => counts(one.rejected) || "0"],
  ["Refused", (one) => counts(one.refused) || "0"],
];

export class SourceLights {
  /** `named` are the configured sources: they are shown before their first event too. Null shows no lights. */
  constructor(element, named) {
    this.element = element;
    this.named = named;
    this.drawn = "";
  }

  tell(pulse) {
    if (!this.named) {
      this.element.hidden = true;
      return;
    }
    const seen = pulse.sources || {};
    const now = Date.parse(pulse.as_of);
    const names = [...new Set([...this.named, ...Object.keys(seen)])].sort();
    const lights = names.map((name) => [name, seen[name] ? Math.floor((now - Date.parse(seen[name])) / 1000) : null])
      .map(([name, s]) => [name, s === null ? "nothing yet" : s > SILENT_SECONDS ? `silent ${age(s)}` : ""]);
    const drawn = JSON.stringify(lights);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    lights.sort((a, b) => Boolean(b[1]) - Boolean(a[1])); // what is silent is seen first, also where there is little room
    this.element.hidden = !lights.length;
    this.element.replaceChildren(make("span", "unseen", "Sources: "), ...lights.slice(0, MOST_LIGHTS).map(([name, why]) => {
      const one = make("span", why ? "light silent" : "light");
      const dot = make("i", "dot");
      dot.setAttribute("aria-hidden", "true");
      one.append(dot, bdi(name), why ? ` ${why} ` : " ");
      return one;
    }));
    if (lights.length > MOST_LIGHTS) this.element.append(make("span", "light", `+ ${lights.length - MOST_LIGHTS}`));
  }
}

/** A table of how each source stands, which follows what the server says until it is closed. */
export class Standings {
  constructor(room) {
    this.room = room;
    this.over = false;
    room.replaceChildren(make("p", "quiet", "asking …"));
    this.follow();
  }

  close() {
    this.over = true;
    clearTimeout(this.timer);
  }

  async follow() {
    const { told, problem } = document.hidden ? {} : await ask("/v1/sources");
    if (this.over) return;
    if (problem) this.room.replaceChildren(make("p", "problem", `The sources cannot be asked for: ${problem}`));
    else if (told && !told.length) this.room.replaceChildren(make("p", "quiet", "No source has told anything yet: is ingest running, and a source configured?"));
    else if (told) this.show(told);
    this.timer = setTimeout(() => this.follow(), EVERY_MS);
  }

  show(sources) {
    const before = this.room.querySelector(".table-room");
    const fresh = table("How each source stands", COLUMNS.map(([name]) => name), sources.map((one) => COLUMNS.map(([, text]) => text(one))));
    if (before) before.replaceChildren(...fresh.childNodes); // the room keeps the focus and the place it was scrolled to
    else this.room.replaceChildren(fresh);
  }
}

/** Makes the lights of the header open the standings. */
export function sourcesPanel(opener, dialog) {
  let standings = null;
  dialog.addEventListener("click", (e) => e.target === dialog && dialog.close()); // beside the panel
  dialog.addEventListener("close", () => standings?.close());
  opener.addEventListener("click", () => {
    if (dialog.open) return;
    const head = make("div", "panel-head");
    const close = button("Close", () => dialog.close());
    close.autofocus = true;
    head.append(make("h2", "", "Sources", { id: "sources-title" }), close);
    const room = make("div");
    dialog.replaceChildren(head, room);
    dialog.showModal();
    standings = new Standings(room);
  });
}
