// One tile of a board that is being edited: a card of fields in the place where the tile will stand.
import { bdi, button, make, shown } from "./dom.js";
import { readAmount, typed, windowName } from "./figure_text.js";

const PRIVATE = /agent/;
let numbered = 0;

export class EditCard {
  /** `tile` is a declared tile, `held` the target it is held against now; `kpis` the catalogue by id; `acts` moves and removes. */
  constructor(tile, held, kpis, acts) {
    this.tile = tile;
    this.held = held;
    this.kpis = kpis;
    this.id = `card-${(numbered += 1)}`;
    this.fields = {};
    this.element = make("fieldset", "card");
    this.legend = make("legend");
    const buttons = make("div", "card-acts");
    this.earlier = button("◀", () => acts.move(this, -1));
    this.later = button("▶", () => acts.move(this, 1));
    this.remove = button("✕", () => acts.remove(this));
    buttons.append(this.earlier, this.later, this.remove);
    this.problem = make("p", "problem", "", { id: `${this.id}-problem`, hidden: true });
    this.rows = make("div", "card-fields");
    this.element.append(this.legend, buttons, this.problem, this.rows);
    this.element.addEventListener("keydown", (e) => {
      const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[e.key];
      if (!e.altKey || !by) return;
      e.preventDefault();
      acts.move(this, by);
    });
    this.build();
  }

  get entry() {
    return this.kpis.get(this.tile.kpi);
  }

  get name() {
    return this.tile.title || this.entry?.title || this.tile.kpi;
  }

  /** Its place among the cards, said in the legend and in the names of its buttons. */
  place(index, count) {
    this.legend.replaceChildren(`Tile ${index + 1}: `, bdi(this.name));
    for (const [one, word] of [[this.earlier, "earlier"], [this.later, "later"], [this.remove, "away"]]) {
      one.setAttribute("aria-label", word === "away" ? `Take ${shown(this.name)} away` : `Move ${shown(this.name)} ${word}`);
    }
    this.earlier.disabled = index === 0;
    this.later.disabled = index === count - 1;
  }

  field(name, label, control) {
    const box = make("label", "field", label);
    control.id = `${this.id}-${name}`;
    box.append(control);
    this.fields[name] = control;
    return box;
  }

  choice(options, chosen, act) {
    const list = make("select");
    for (const [value, text] of options) list.append(make("option", "", shown(text), { value, selected: value === chosen }));
    list.addEventListener("change", () => act(list.value));
    return list;
  }

  text(value, act, properties = {}) {
    const line = make("input", "", "", { type: "text", value: value ?? "", maxLength: 200, ...properties });
    line.addEventListener("input", () => act(line.value));
    return line;
  }

  build() {
    const { tile, entry } = this;
    const kpis = [...this.kpis.values()].map((one) => [one.id, one.title]).sort((a, b) => a[1].localeCompare(b[1]));
    if (!entry) kpis.unshift([tile.kpi, `${tile.kpi} (is no more)`]);
    const windows = entry?.windows || tile.windows;
    const window = tile.windows.find((one) => windows.includes(one)) || tile.windows[0];
    const unit = entry?.unit || "";
    const dimensions = (entry?.dimensions || []).filter((name) => !PRIVATE.test(name));
    const [dimension = ""] = Object.keys(tile.dims);
    if (dimension && !dimensions.includes(dimension)) dimensions.unshift(dimension);
    const hint = { seconds: "such as 30 min", ratio: "such as 90 %" }[unit] || "a number";
    const aim = this.text(typed(tile.target, unit), (text) => this.number("target", text), { placeholder: tile.target_of && this.held !== null ? `${typed(this.held, unit)}, from the settings` : hint, inputMode: "decimal" });
    this.rows.replaceChildren(
      this.field("kpi", "Figure", this.choice(kpis, tile.kpi, (value) => this.other(value))),
      this.field("windows", "Window", this.choice(windows.map((one) => [one, windowName(one)]), window, (value) => { tile.windows = [value, ...tile.windows.filter((one) => one !== value)]; })),
      this.field("title", "Title", this.text(tile.title, (text) => { tile.title = text.trim(); }, { placeholder: shown(entry?.title || "") })),
      this.field("target", "Target", aim),
      this.field("watch", "Amber between target and", this.text(typed(tile.watch, unit), (text) => this.number("watch", text), { placeholder: "10 % beyond the target", inputMode: "decimal" })),
      this.field("dims", "Only", this.choice([["", "everything"], ...dimensions.map((name) => [name, name.replace(/_/g, " ")])], dimension, (name) => this.slice(name))),
    );
    if (dimension) this.rows.append(this.field("value", dimension.replace(/_/g, " "), this.text(tile.dims[dimension], (text) => { tile.dims = { [dimension]: text }; })));
  }

  other(kpi) {
    Object.assign(this.tile, { kpi, windows: [...(this.kpis.get(kpi)?.windows || [])], title: "", target: null, target_of: null, watch: null, dims: {} });
    const day = this.tile.windows.indexOf("24h");
    if (day > 0) this.tile.windows.unshift(...this.tile.windows.splice(day, 1));
    this.build();
    this.legend.lastChild.replaceWith(bdi(this.name));
    this.fields.kpi.focus();
  }

  slice(name) {
    this.tile.dims = name ? { [name]: "" } : {};
    this.build();
    (name ? this.fields.value : this.fields.dims).focus();
  }

  number(name, text) {
    const value = readAmount(text, this.entry?.unit);
    this.unread ??= new Set();
    if (Number.isNaN(value)) {
      this.unread.add(name);
      return;
    }
    this.unread.delete(name);
    this.tile[name] = value;
    if (name === "target" && value !== null) this.tile.target_of = null;
  }

  /** What cannot be sent, as errors like those of the server. */
  problems(index) {
    const out = [...(this.unread || [])].map((name) => ({ index, pointer: `/tiles/${index}/${name}`, reason: "this is not a number with a unit that fits" }));
    if (Object.values(this.tile.dims).includes("")) out.push({ index, pointer: `/tiles/${index}/dims`, reason: "say which value" });
    return out;
  }

  clear() {
    this.problem.hidden = true;
    for (const control of Object.values(this.fields)) {
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
    }
  }

  /** Shows an error at its field; returns the control to go to. */
  complain({ pointer, reason }) {
    const name = pointer.split("/")[3] || "kpi";
    const control = this.fields[name === "target_of" ? "target" : name] || this.fields.kpi;
    this.problem.textContent = [this.problem.hidden ? "" : this.problem.textContent, shown(reason)].filter(Boolean).join(" · ");
    this.problem.hidden = false;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", this.problem.id);
    return control;
  }
}
