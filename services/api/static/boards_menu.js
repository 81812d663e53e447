// The quiet menu: the boards, the look, the keys. It changes the address in place: a wall that loses its server while it changes boards keeps the old one.
import { ask, at, bdi, button, make } from "./dom.js";

const KEYS = "deskpulse.keys";
const remembered = () => { try { return localStorage.getItem(KEYS) !== "off"; } catch { return true; } };
const remember = (on) => { try { localStorage.setItem(KEYS, on ? "on" : "off"); } catch { /* a browser that keeps nothing asks again */ } };

/** The board that an address names. */
export const boardOf = (path) => decodeURIComponent(path.split("/")[2] || "") || "operations";

export class BoardsMenu {
  /** `go(id)` shows a board; `edit()` begins editing; `restyled()` follows a change of the theme; `busy()` tells when keys mean something else. */
  constructor({ go, edit, restyled, busy }) {
    Object.assign(this, { go, edit, restyled, busy });
    this.boards = [];
    this.keys = remembered();
    this.opener = at("menu-button");
    this.room = at("menu");
    this.opener.addEventListener("click", () => this.open(this.room.hidden));
    document.addEventListener("click", (e) => e.composedPath().includes(at("nav")) || this.open(false)); // also what was replaced by its own click
    at("nav").addEventListener("focusout", (e) => e.relatedTarget && !at("nav").contains(e.relatedTarget) && this.open(false));
    document.addEventListener("keydown", (e) => this.key(e));
  }

  async load() {
    const { told } = await ask("/v1/boards");
    if (told?.boards) this.boards = told.boards;
  }

  /** What is shown now, and whether it may be edited. */
  on(board) {
    this.board = board;
    if (!this.room.hidden) this.fill();
  }

  async open(wanted) {
    if (wanted === !this.room.hidden) return;
    this.room.hidden = !wanted;
    this.opener.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return;
    this.fill();
    await this.load();
    if (!this.room.hidden) this.fill();
  }

  fill() {
    const held = this.room.contains(document.activeElement);
    const list = make("ul");
    this.boards.forEach(({ id, title }, i) => {
      const link = make("a", "", "", { href: `/wall/${encodeURIComponent(id)}${location.search}` });
      link.append(bdi(title));
      if (this.keys && i < 9) link.append(make("kbd", "", String(i + 1)));
      if (id === this.board?.id) link.setAttribute("aria-current", "page");
      link.addEventListener("click", (e) => {
        if (e.ctrlKey || e.metaKey || e.shiftKey) return;
        e.preventDefault();
        this.open(false);
        this.opener.focus();
        this.go(id);
      });
      const line = make("li");
      line.append(link);
      list.append(line);
    });
    const light = document.documentElement.dataset.theme === "light";
    const acts = make("div", "acts");
    if (this.board?.editable) acts.append(button("Edit this board", () => { this.open(false); this.edit(); }));
    acts.append(button(light ? "Dark" : "Light", () => this.theme(light ? "dark" : "light")));
    const small = document.documentElement.dataset.view === "all";
    acts.append(button(small ? "As a board" : "All figures, small", () => this.view(small ? "board" : "all")));
    const keys = make("label");
    const box = make("input", "", "", { type: "checkbox", checked: this.keys });
    box.addEventListener("change", () => { remember((this.keys = box.checked)); this.fill(); });
    keys.append(box, " Number keys change boards, M opens this menu");
    this.room.replaceChildren(list, acts, keys);
    if (held && !this.room.contains(document.activeElement)) this.room.querySelector("a, button")?.focus();
  }

  theme(wanted) {
    document.documentElement.dataset.theme = wanted;
    this.address("theme", wanted);
    this.restyled();
    this.fill();
  }

  view(wanted) {
    document.documentElement.dataset.view = wanted;
    this.address("view", wanted === "all" ? "all" : null);
    this.open(false);
    this.go(this.board.id);
  }

  /** The look is kept in the address, so that a wall shows it again after a restart. */
  address(name, value) {
    const url = new URL(location.href);
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    history.replaceState(history.state, "", url);
  }

  key(e) {
    if (e.key === "Escape" && !this.room.hidden) {
      this.open(false);
      this.opener.focus();
      return;
    }
    if (!this.keys || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, select, textarea, dialog") || this.busy()) return;
    if (e.key === "m") {
      this.open(true);
      this.opener.focus();
    } else if (/^[1-9]$/.test(e.key)) {
      const board = this.boards[Number(e.key) - 1];
      if (board && board.id !== this.board?.id) this.go(board.id);
    }
  }
}
