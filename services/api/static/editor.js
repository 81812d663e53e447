// Editing a board in its place: cards instead of tiles, saved as the declaration of the board. Nothing changes before it is saved.
import { ask, at, button, make, put, shown } from "./dom.js";
import { EditCard, fresh } from "./edit_card.js";
import { EditStrip } from "./edit_strip.js";
import { authorised, forgetToken } from "./edit_token.js";

export class Editor {
  /** `done(id)` lays the board out anew. */
  constructor(form, done) {
    this.form = form;
    this.done = done;
    this.open = false;
    form.addEventListener("submit", (e) => { e.preventDefault(); this.save(); });
    form.addEventListener("keydown", (e) => { if (e.key === "Escape") this.escape(); });
    addEventListener("beforeunload", (e) => { if (this.open && this.changed()) e.preventDefault(); });
  }

  async begin(board) {
    if (this.open) return;
    const { told, problem } = await ask("/v1/kpis");
    if (!told) return put(at("said"), problem);
    this.open = true;
    this.behind = false;
    this.board = board;
    this.revision = board.revision;
    this.leaving = false;
    this.kpis = new Map(told.kpis.map((one) => [one.id, one]));
    this.known = { kpis: this.kpis, targets: board.targets || [] };
    this.declaration = structuredClone(board.declaration);
    this.before = JSON.stringify(this.declaration);
    const whole = board.tiles.length === this.declaration.tiles.length; // else something is left out, and places do not match
    this.cards = this.declaration.tiles.map((tile, i) => this.card(tile, whole ? board.tiles[i].target : null));
    this.strip = new EditStrip(this.declaration.strip, board.strip, this.known);
    this.build();
    document.body.dataset.mode = "edit";
    this.form.hidden = false;
    this.fields.title.focus();
    scrollTo(0, 0);
  }

  card(tile, held = null) {
    return new EditCard(tile, held, this.known, { move: (card, by) => this.move(card, by), remove: (card) => this.remove(card) });
  }

  changed() {
    return JSON.stringify(this.written()) !== this.before;
  }

  written() {
    return { ...this.declaration, tiles: this.cards.map((card) => card.tile), strip: this.strip.written() };
  }

  build() {
    const bar = make("div", "edit-bar");
    const title = make("input", "", "", { type: "text", value: this.declaration.title, maxLength: 200 });
    title.addEventListener("input", () => { this.declaration.title = title.value.trim(); });
    const label = make("label", "field", "Title of the board");
    label.append(title);
    const sources = make("input", "", "", { type: "checkbox", checked: this.declaration.sources });
    sources.addEventListener("change", () => { this.declaration.sources = sources.checked; });
    const also = make("label", "check");
    also.append(sources, " list the sources");
    this.fields = { title };
    this.back = button("Back to the shipped board", () => this.reset());
    this.saving = make("button", "first", "Save", { type: "submit" });
    bar.append(label, also, button("Add a tile", () => this.add()), this.back, button("Cancel", () => this.cancel()), this.saving);
    this.back.hidden = !this.revision;
    this.problem = make("p", "problem", "", { hidden: true, id: "editor-problem" });
    this.problem.setAttribute("role", "alert");
    this.list = make("div", "cards");
    const hint = make("p", "quiet", "Alt and an arrow key moves the tile you are in. Escape leaves without saving.");
    this.form.setAttribute("aria-label", `Edit ${shown(this.board.title)}`);
    this.form.replaceChildren(make("h2", "unseen", `Edit ${shown(this.board.title)}`), bar, this.problem, hint, this.list, this.strip.element);
    this.arrange();
  }

  arrange() {
    this.list.replaceChildren(...this.cards.map((card) => card.element));
    this.cards.forEach((card, i) => card.place(i, this.cards.length));
  }

  move(card, by) {
    const from = this.cards.indexOf(card), to = from + by;
    if (to < 0 || to >= this.cards.length) return;
    const held = document.activeElement;
    this.cards.splice(to, 0, ...this.cards.splice(from, 1));
    this.arrange();
    (held.disabled ? (by < 0 ? card.later : card.earlier) : held).focus();
    put(at("said"), `${shown(card.name)} is now tile ${to + 1} of ${this.cards.length}.`);
  }

  remove(card) {
    const from = this.cards.indexOf(card);
    this.cards.splice(from, 1);
    this.arrange();
    const next = this.cards[Math.min(from, this.cards.length - 1)];
    (next ? next.remove : this.fields.title).focus();
    put(at("said"), `${shown(card.name)} is taken away; ${this.cards.length} tiles are left.`);
  }

  add() {
    const used = new Set(this.cards.map((card) => card.tile.kpi));
    const entry = [...this.kpis.values()].find((one) => !used.has(one.id)) || this.kpis.values().next().value;
    const card = this.card(fresh(entry));
    this.cards.push(card);
    this.arrange();
    card.fields.kpi.focus();
    card.element.scrollIntoView({ block: "nearest" });
  }

  end() {
    if (!this.open) return;
    this.open = false;
    delete document.body.dataset.mode;
    this.form.hidden = true;
    this.form.replaceChildren();
    at("menu-button").focus();
  }

  /** The key of those who want out; where something would be lost, only the second time. */
  escape() {
    if (this.leaving || !this.changed()) return this.cancel();
    this.leaving = true;
    this.say("Nothing is saved yet: Escape once more leaves all the same.");
  }

  /** Leaves without saving; what somebody else has saved meanwhile is shown. */
  cancel() {
    if (!this.open) return;
    this.end();
    if (this.behind) this.done(this.board.id);
  }

  /** Another revision stands by now: told at once, so that nobody is surprised when it comes to saving. */
  overtaken() {
    this.behind = true;
    this.say("Somebody else has changed this board meanwhile. Cancel to see it; saving is refused until then.");
  }

  say(text) {
    this.problem.hidden = !text;
    put(this.problem, text);
  }

  async reset() {
    if (this.back.dataset.asked) return this.send("DELETE");
    this.back.dataset.asked = "yes";
    this.back.textContent = "Really? All changes of this board are lost";
  }

  save() {
    this.leaving = false;
    const wrong = [...this.cards.flatMap((card, i) => card.problems(`/tiles/${i}`)), ...this.strip.problems()];
    if (wrong.length) return this.complain(wrong, "Not sent: ");
    return this.send("PUT");
  }

  async send(method, why = "") {
    const headers = await authorised(why);
    if (!headers || !this.open) return;
    headers["If-Match"] = `"${this.revision}"`;
    const options = { method, headers };
    if (method === "PUT") {
      headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(this.written());
    }
    this.saving.disabled = true;
    const { told, status, problem, errors } = await ask(`/v1/controls/board/${encodeURIComponent(this.board.id)}`, options);
    this.saving.disabled = false;
    if (!this.open) return;
    if (told) {
      const { id } = this.board;
      this.end();
      put(at("said"), method === "PUT" ? "The board is saved." : "The board is as shipped again.");
      this.done(id);
    } else if (status === 401 || status === 403) {
      forgetToken();
      this.say(problem);
      if (status === 401) await this.send(method, problem);
    } else this.complain(errors || [], "", problem);
  }

  complain(errors, before, otherwise = "") {
    for (const card of this.cards) card.clear();
    this.strip.clear();
    this.fields.title.removeAttribute("aria-invalid");
    const [general, controls] = [[], []];
    for (const error of errors) {
      const [, list, place] = (error.pointer || "").split("/");
      const card = list === "strip" ? this.strip.at(place) : this.cards[list === "tiles" ? Number(place) : error.index ?? -1];
      if (card) controls.push(card.complain(error));
      else if (list === "strip") controls.push(this.strip.complain(shown(error.reason)));
      else {
        general.push(error.reason);
        if (error.pointer === "/title") {
          this.fields.title.setAttribute("aria-invalid", "true");
          controls.push(this.fields.title);
        }
      }
    }
    const count = controls.length ? `${controls.length === 1 ? "one thing is" : `${controls.length} things are`} wrong. ` : "";
    this.say(before + (count + general.map((text) => shown(text)).join(" · ") || otherwise));
    (controls[0] || this.saving).focus();
  }
}
