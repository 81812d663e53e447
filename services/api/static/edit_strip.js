// The row of small figures of a board that is being edited: by which dimension, and the two figures of each box.
import { make } from "./dom.js";
import { EditCard, PRIVATE, fresh } from "./edit_card.js";

const PARTS = [["count", "Number of each box", "active_issues"], ["wait", "Beside it", "first_reply_time"]];

export class EditStrip {
  /** `strip` is a declared strip or null, `held` the same as the server laid it out; `known` the catalogue and the settings' targets. */
  constructor(strip, held, known) {
    this.known = known;
    this.dimension = strip?.dimension || "";
    this.cards = Object.fromEntries(PARTS.filter(([part]) => strip?.[part]).map(([part]) => [part, new EditCard(strip[part], held?.[part].target ?? null, known)]));
    this.element = make("section", "edit-strip");
    const names = new Set([...known.kpis.values()].flatMap((one) => one.dimensions).filter((name) => !PRIVATE.test(name)));
    if (this.dimension) names.add(this.dimension);
    this.list = make("select", "", "", { id: "strip-dimension" });
    for (const name of ["", ...[...names].sort()]) this.list.append(make("option", "", name ? `by ${name.replace(/_/g, " ")}` : "none", { value: name, selected: name === this.dimension }));
    this.list.addEventListener("change", () => { this.dimension = this.list.value; this.build(); });
    const label = make("label", "field", "Row of small figures below the tiles");
    label.append(this.list);
    this.problem = make("p", "problem", "", { id: "strip-problem", hidden: true });
    this.room = make("div", "strip-cards");
    this.element.append(label, this.problem, this.room);
    this.build();
  }

  build() {
    if (!this.dimension) return this.room.replaceChildren();
    for (const [part, words, wanted] of PARTS) {
      const kept = [...this.known.kpis.values()].filter((one) => one.dimensions.includes(this.dimension));
      const entry = kept.find((one) => one.id === wanted) || kept[0];
      if (!this.cards[part] && entry) this.cards[part] = new EditCard(fresh(entry), null, this.known);
      this.cards[part]?.called(words);
    }
    this.room.replaceChildren(...Object.values(this.cards).map((card) => card.element));
  }

  /** The strip as it is declared now, null of none. */
  written() {
    if (!this.dimension) return null;
    return { dimension: this.dimension, count: this.cards.count.tile, wait: this.cards.wait.tile };
  }

  /** The card that a pointer below /strip speaks of. */
  at(part) {
    return this.dimension ? this.cards[part] : undefined;
  }

  problems() {
    return this.dimension ? Object.entries(this.cards).flatMap(([part, card]) => card.problems(`/strip/${part}`)) : [];
  }

  clear() {
    this.problem.hidden = true;
    this.list.removeAttribute("aria-invalid");
    this.list.removeAttribute("aria-describedby");
    for (const card of Object.values(this.cards)) card.clear();
  }

  /** Shows an error of the dimension; returns the control to go to. */
  complain(reason) {
    this.problem.textContent = reason;
    this.problem.hidden = false;
    this.list.setAttribute("aria-invalid", "true");
    this.list.setAttribute("aria-describedby", this.problem.id);
    return this.list;
  }
}
