// One tile of a board that is being edited: a card of fields in the place where the tile will stand. Law: what nobody touches stays as it was
// declared, to the last member; a card has a field for everything that a tile can say.
import { bdi, button, make, shown } from "./dom.js";
import { readAmount, typed, windowName } from "./figure_text.js";

export const PRIVATE = /agent/;
let numbered = 0;

/** A tile as it begins: a figure over a day where it is kept over one, held against nothing. */
export function fresh({ id, windows }) {
  const first = windows.filter((one) => one === "24h");
  return { kpi: id, windows: [...first, ...windows.filter((one) => one !== "24h")], title: "", target: null, target_of: null, watch: null, dims: {} };
}

/** The name of a target of the settings among the choices. */
const chosenOf = (of) => (of ? `${of.name} ${of.part}` : "");
const bare = (name) => name.replace(/_(seconds|ratio|score|tickets|complaints)$/, "").replace(/_/g, " ");
const unitOf = ({ name, part }) => (part === "share" ? "ratio" : part === "p50" || /_seconds$/.test(name) ? "seconds" : "");

export class EditCard {
  /** `tile` is a declared tile, `held` the target it is held against now; `kpis` the catalogue by id and `targets` those of the settings;
   * `acts` moves and removes. Without acts it is a part of a strip: it stands where it stands, and shows no slice. */
  constructor(tile, held, { kpis, targets }, acts = null) {
    this.tile = tile;
    this.held = held;
    this.kpis = kpis;
    this.targets = targets;
    this.id = `card-${(numbered += 1)}`;
    this.fields = {};
    this.element = make("fieldset", "card");
    this.legend = make("legend");
    this.problem = make("p", "problem", "", { id: `${this.id}-problem`, hidden: true });
    this.rows = make("div", "card-fields");
    this.element.append(this.legend, this.problem, this.rows);
    this.moves = acts !== null;
    if (acts) this.movable(acts);
    this.build();
  }

  movable(acts) {
    const buttons = make("div", "card-acts");
    this.earlier = button("◀", () => acts.move(this, -1));
    this.later = button("▶", () => acts.move(this, 1));
    this.remove = button("✕", () => acts.remove(this));
    buttons.append(this.earlier, this.later, this.remove);
    this.legend.after(buttons);
    this.element.addEventListener("keydown", (e) => {
      const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[e.key];
      if (!e.altKey || !by) return;
      e.preventDefault();
      acts.move(this, by);
    });
  }

  get entry() {
    return this.kpis.get(this.tile.kpi);
  }

  get name() {
    return this.tile.title || this.entry?.title || this.tile.kpi;
  }

  /** What it is, said in the legend. */
  called(words) {
    this.legend.replaceChildren(`${words}: `, bdi(this.name));
  }

  /** Its place among the cards, said in the legend and in the names of its buttons. */
  place(index, count) {
    this.called(`Tile ${index + 1}`);
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
    const first = (value) => { tile.windows = [value, ...tile.windows.filter((one) => one !== value)]; else_.value = this.others(value); };
    const else_ = this.text(this.others(window), (text) => { tile.windows = [this.fields.windows.value, ...text.split(/[\s,]+/).filter(Boolean)]; }, { placeholder: "such as 24h, 7d" });
    const unit = entry?.unit || "";
    const hint = { seconds: "such as 30 min", ratio: "such as 90 %" }[unit] || "a number";
    const aim = this.text(typed(tile.target, unit), (text) => this.number("target", text), { placeholder: tile.target_of && this.held !== null ? `${typed(this.held, unit)}, from the settings` : hint, inputMode: "decimal" });
    this.fields = {};
    this.unread = new Set(); // what the fields say that is no number; built anew, they say what is kept
    this.rows.replaceChildren(
      this.field("kpi", "Figure", this.choice(kpis, tile.kpi, (value) => this.other(value))),
      this.field("title", "Title", this.text(tile.title, (text) => { tile.title = text.trim(); }, { placeholder: shown(entry?.title || "") })),
      this.field("windows", "Window", this.choice(windows.map((one) => [one, windowName(one)]), window, first)),
      this.field("else", "Else, where it is not kept", else_),
      this.field("target", "Target", aim),
      this.field("target_of", "Target of the settings", this.choice(this.known(), chosenOf(tile.target_of), (value) => this.named(value))),
      this.field("watch", "Amber between target and", this.text(typed(tile.watch, unit), (text) => this.number("watch", text), { placeholder: "10 % beyond the target", inputMode: "decimal" })),
    );
    if (this.moves) this.rows.append(...this.slices());
  }

  others(window) {
    return this.tile.windows.filter((one) => one !== window).join(", ");
  }

  /** The targets that the settings name, and the one that is declared here though they do not. */
  known() {
    const { target_of: own } = this.tile;
    const names = this.targets.map((one) => [chosenOf(one), `${bare(one.name)}, ${one.part}: ${typed(one.value, unitOf(one))}`]);
    if (own && !names.some(([value]) => value === chosenOf(own))) names.unshift([chosenOf(own), `${bare(own.name)}, ${own.part}: not set`]);
    return [["", "none"], ...names];
  }

  named(value) {
    const [name, part] = value.split(" ");
    this.tile.target_of = value ? { name, part } : null;
  }

  /** For each dimension that the tile is cut by a choice and its value, and one choice more. */
  slices() {
    const { tile, entry } = this;
    const held = Object.keys(tile.dims);
    const all = (entry?.dimensions || []).filter((name) => !PRIVATE.test(name));
    const out = [];
    for (const [i, name] of [...held, ""].entries()) {
      const free = [...new Set([name, ...all])].filter((one) => one && (one === name || !held.includes(one)));
      if (!name && !free.length) break;
      const none = name || !i ? "everything" : "no more";
      const choice = this.choice([["", none], ...free.map((one) => [one, one.replace(/_/g, " ")])], name, (chosen) => this.slice(i, chosen));
      out.push(this.field(i ? `dims${i}` : "dims", i ? "and only" : "Only", choice));
      if (name) out.push(this.field(`value-${i}`, name.replace(/_/g, " "), this.text(tile.dims[name], (text) => { tile.dims[name] = text; })));
    }
    return out;
  }

  other(kpi) {
    Object.assign(this.tile, fresh(this.kpis.get(kpi)));
    this.build();
    this.legend.lastChild.replaceWith(bdi(this.name));
    this.fields.kpi.focus();
  }

  /** The dimension at a place becomes another, or goes. */
  slice(place, name) {
    const kept = Object.entries(this.tile.dims);
    kept.splice(place, 1, ...(name ? [[name, ""]] : []));
    this.tile.dims = Object.fromEntries(kept);
    this.build();
    (this.fields[`value-${name ? place : -1}`] || this.fields[place ? `dims${place}` : "dims"] || this.fields.dims).focus();
  }

  number(name, text) {
    const value = readAmount(text, this.entry?.unit);
    if (Number.isNaN(value)) {
      this.unread.add(name);
      return;
    }
    this.unread.delete(name);
    this.tile[name] = value;
    if (name !== "target" || value === null || !this.tile.target_of) return;
    this.tile.target_of = null; // what is typed is meant; the settings' can be chosen again and then come first
    this.fields.target_of.value = "";
  }

  /** What cannot be sent, as errors like those of the server. */
  problems(where) {
    const out = [...this.unread].map((name) => ({ pointer: `${where}/${name}`, reason: "this is not a number with a unit that fits" }));
    const open = Object.entries(this.tile.dims).find(([, value]) => value === "");
    if (open) out.push({ pointer: `${where}/dims/${open[0]}`, reason: "say which value" });
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
    const [, , , name, more] = pointer.split("/");
    const cut = name === "dims" ? Object.keys(this.tile.dims).indexOf(more) : -1;
    const control = this.fields[cut >= 0 ? `value-${cut}` : name === "windows" && more > 0 ? "else" : name] || this.fields.kpi;
    this.problem.textContent = [this.problem.hidden ? "" : this.problem.textContent, shown(reason)].filter(Boolean).join(" · ");
    this.problem.hidden = false;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", this.problem.id);
    return control;
  }
}
