// The line below the tiles: one box for each value of a dimension, with how much there is and how long it waits.
import { SHORT, bdi, make, shown } from "./dom.js";
import { keyOf } from "./feed.js";
import { spoken } from "./figure_text.js";

const MOST_PARTS = 8;
const lowered = (title) => shown(title[0].toLowerCase() + title.slice(1), SHORT);

export class Strip {
  constructor(room, strip) {
    this.room = room;
    this.strip = strip;
    this.drawn = "";
    room.replaceChildren();
    room.hidden = true;
    if (strip) room.setAttribute("aria-label", `By ${strip.dimension}`);
  }

  tell(figures) {
    const { strip } = this;
    if (!strip) return;
    const parts = [];
    for (const figure of figures.values()) {
      const name = figure.dims[strip.dimension];
      if (name === undefined || figure.kpi !== strip.count.kpi || figure.window !== strip.count.window || figure.value === null) continue;
      parts.push({ name, count: figure, wait: figures.get(keyOf(strip.wait.kpi, strip.wait.window, { [strip.dimension]: name })) });
    }
    parts.sort((a, b) => b.count.value - a.count.value || a.name.localeCompare(b.name));
    const shownParts = parts.slice(0, MOST_PARTS);
    const drawn = JSON.stringify(shownParts.map(({ name, count, wait }) => [name, count.value, wait?.value]));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const most = Math.max(1, ...parts.map((part) => part.count.value));
    this.room.hidden = !shownParts.length;
    this.room.replaceChildren(...shownParts.map((part) => this.box(part, most)));
  }

  box({ name, count, wait }, most) {
    const known = wait && wait.value !== null && wait.value !== undefined;
    const { target } = this.strip.wait;
    const over = known && target !== null && target !== undefined && wait.value > target;
    const meter = make("meter", "", "", { min: 0, max: most, value: Math.max(0, count.value) });
    meter.setAttribute("aria-hidden", "true"); // the number beside it says the same
    const title = name === "__other__" ? "Others" : name.length <= 3 ? name.toUpperCase() : name[0].toUpperCase() + name.slice(1).replace(/_/g, " ");
    const said = make("div"), waits = make("div"), box = make("div", "part");
    said.append(bdi(title, "name"), make("span", "n", spoken(count.value, count.unit)));
    const reply = known ? `${over ? "◆ " : ""}${lowered(this.strip.wait.title)} ${spoken(wait.value, wait.unit)}` : "none yet";
    waits.append(make("span", "", lowered(this.strip.count.title).split(" ")[0]), make("span", over ? "waits over" : "waits", reply));
    box.append(said, waits, meter);
    return box;
  }
}
