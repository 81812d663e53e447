// The dialog behind a tile: what the number is made of, how it went, what it means, where it comes from. Filled tab by tab, when asked for.
import { bdi, button, make } from "./dom.js";
import { breakdown } from "./breakdown.js";
import { definition } from "./definition.js";
import { windowName } from "./figure_text.js";
import { lineage } from "./lineage.js";
import { SeriesChart } from "./series_chart.js";
import { slice } from "./spike_text.js";

const TABS = [["breakdown", "Breakdown"], ["series", "Series"], ["definition", "Definition"], ["source", "Source"]];

export class Detail {
  constructor(dialog, time) {
    this.dialog = dialog;
    this.time = time;
    dialog.addEventListener("click", (e) => e.target === dialog && dialog.close()); // beside the panel
    dialog.addEventListener("close", () => this.leave());
  }

  show(tile) {
    if (this.dialog.open) return;
    this.tile = tile;
    const head = make("div", "panel-head");
    const title = make("h2", "", "", { id: "detail-title" });
    title.append(bdi(tile.title), `, ${windowName(tile.window)}`);
    for (const value of slice(tile.dims)) title.append(", ", bdi(value));
    const close = button("Close", () => this.dialog.close());
    close.autofocus = true;
    head.append(title, close);
    const list = make("div", "tabs");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-labelledby", "detail-title");
    this.tabs = TABS.map(([name, text]) => {
      const tab = button(text, () => this.choose(name));
      tab.id = `tab-${name}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", "tab-room");
      tab.dataset.name = name;
      return tab;
    });
    list.append(...this.tabs);
    list.addEventListener("keydown", (e) => this.key(e));
    this.room = make("div", "tab-room", "", { id: "tab-room", tabIndex: 0 });
    this.room.setAttribute("role", "tabpanel");
    this.dialog.replaceChildren(head, list, this.room);
    this.dialog.showModal();
    this.choose("breakdown");
  }

  choose(name) {
    this.leave();
    for (const tab of this.tabs) {
      const chosen = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.room.setAttribute("aria-labelledby", `tab-${name}`);
    this.room.replaceChildren(make("p", "quiet", "asking …"));
    this.asking = new AbortController(); // an answer that comes after another tab was chosen is nobody's
    const { signal } = this.asking;
    const into = (...content) => signal.aborted || this.room.replaceChildren(...content);
    if (name === "breakdown") breakdown(this.tile, into, signal);
    else if (name === "series") this.chart = new SeriesChart(this.tile, this.time, into, signal);
    else if (name === "definition") definition(this.tile, into, signal);
    else lineage(this.tile, into, signal);
  }

  key(e) {
    const at = this.tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.tabs.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    e.preventDefault();
    const tab = this.tabs[(to + this.tabs.length) % this.tabs.length];
    tab.focus();
    this.choose(tab.dataset.name);
  }

  leave() {
    this.asking?.abort();
    this.chart?.close();
    this.chart = null;
  }
}
