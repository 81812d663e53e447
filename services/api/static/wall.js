// The wall's page: which board is shown, how it is changed, and that it comes back by itself whatever happens to the server.
import { BoardView } from "./board_view.js";
import { BoardsMenu, boardOf } from "./boards_menu.js";
import { Detail } from "./detail.js";
import { ask, at, put } from "./dom.js";
import { Editor } from "./editor.js";
import { ServerTime } from "./server_time.js";
import { sourcesPanel } from "./sources.js";
import { Spikes } from "./spikes.js";

const RELOAD_MS = 6 * 3600_000; // a page that runs for months starts anew now and then, against leaks of the browser
const BUSY_MS = 60_000;

class Room {
  constructor() {
    this.time = new ServerTime();
    this.spikes = new Spikes(this.time);
    this.detail = new Detail(at("detail"), this.time);
    this.editor = new Editor(at("editor"), (id) => this.go(id));
    this.view = null;
    this.turn = 0;
    sourcesPanel(at("sources"), at("standings"));
    this.menu = new BoardsMenu({
      go: (id) => this.go(id, true),
      edit: () => this.editor.begin(this.view.board),
      restyled: () => this.view?.views.forEach((view) => view.trend?.later()),
      busy: () => this.busy(),
    });
    addEventListener("popstate", () => this.go(boardOf(location.pathname)));
    setTimeout(() => this.reload(), RELOAD_MS);
    this.begin();
  }

  async begin(waitMs = 1000) {
    this.menu.load();
    if (!(await this.go(boardOf(location.pathname)))) setTimeout(() => this.begin(Math.min(15_000, waitMs * 2)), waitMs);
  }

  /** Whether somebody is at work on the page, so that it must not change under their hands. */
  busy() {
    return this.editor.open || document.querySelector("dialog[open]") !== null;
  }

  /** Lays a board out; the one that is shown stays until the new one is here. Returns whether it came. */
  async go(id, push = false) {
    const turn = (this.turn += 1);
    const { told, problem } = await ask(`/v1/boards/${encodeURIComponent(id)}`);
    if (turn !== this.turn) return true; // another was asked for meanwhile
    if (!told) {
      if (this.view) put(at("said"), `The board stays as it is: ${problem}`);
      else put(at("live"), problem);
      return false;
    }
    if (this.editor.open) this.editor.end();
    this.view?.close();
    if (push) history.pushState(null, "", `/wall/${encodeURIComponent(id)}${location.search}`);
    const same = this.view?.board.id === told.id;
    this.view = new BoardView(told, { time: this.time, spikes: this.spikes, open: (tile) => this.detail.show(tile), moved: (revision) => this.moved(revision) });
    this.menu.on(told);
    if (push && !same) put(at("said"), document.title);
    return true;
  }

  moved(revision) {
    if (this.editor.open) this.editor.overtaken(revision);
    else this.go(this.view.board.id);
  }

  async reload() {
    const alive = !this.busy() && (await fetch("/healthz", { cache: "no-store" }).then((r) => r.ok).catch(() => false));
    if (alive) location.reload();
    else setTimeout(() => this.reload(), BUSY_MS);
  }
}

new Room();
