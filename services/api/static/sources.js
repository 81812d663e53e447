// The panel behind the sources: last delivery, what became of the deliveries, silence. All of it is put in as text, never as markup.
import { age } from "./figure_text.js";

const EVERY_MS = 2000;
const make = (name, className = "", text = "") => Object.assign(document.createElement(name), { className, textContent: text });
const counts = (of) => Object.entries(of).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name.replace(/_/g, " ")} × ${n}`).join(", ");
const COLUMNS = [
  ["source", (one) => one.source],
  ["kind", (one) => one.kind],
  ["state", (one) => (!one.ready ? "▲ no secret" : one.quiet ? "◆ quiet" : "● on")],
  ["last delivery", (one) => (one.silent_seconds === null ? "never" : `${age(Math.floor(one.silent_seconds))} ago`)],
  ["accepted", (one) => one.accepted.toLocaleString("en")],
  ["ignored", (one) => one.ignored.toLocaleString("en")],
  ["rejected", (one) => counts(one.rejected) || "0"],
  ["refused", (one) => counts(one.refused) || "0"],
];

export class SourcesPanel {
  /** `element` opens `dialog`, by mouse and by keyboard; while it is open it follows what the server says. */
  constructor(element, dialog) {
    this.dialog = dialog;
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    element.setAttribute("aria-haspopup", "dialog");
    element.addEventListener("click", () => this.open());
    element.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      this.open();
    });
    dialog.addEventListener("click", (e) => e.target === dialog && dialog.close()); // beside the panel
  }

  async open() {
    if (this.dialog.open) return;
    const head = make("header", "lineage-head");
    const title = make("h2", "", "Sources");
    title.id = "sources-title";
    const close = make("button", "lineage-close", "Close");
    close.type = "button";
    close.autofocus = true;
    close.addEventListener("click", () => this.dialog.close());
    head.append(title, close);
    this.body = make("div", "lineage-table");
    this.body.append(make("p", "lineage-wait", "asking …"));
    this.dialog.replaceChildren(head, this.body);
    this.dialog.showModal();
    while (this.dialog.open) {
      await this.ask();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async ask() {
    try {
      const answer = await fetch("/v1/sources", { cache: "no-store" });
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      this.show(await answer.json());
    } catch (error) {
      this.body.replaceChildren(make("p", "lineage-problem", `The sources cannot be asked for: ${error.message}`));
    }
  }

  show(sources) {
    if (!sources.length) {
      this.body.replaceChildren(make("p", "lineage-wait", "No source has told anything yet: is ingest running, and a source configured?"));
      return;
    }
    const table = make("table");
    const row = (cells, of) => {
      const line = make("tr");
      line.append(...cells.map((text) => make(of, "", text)));
      return line;
    };
    table.append(row(COLUMNS.map(([name]) => name), "th"), ...sources.map((one) => row(COLUMNS.map(([, text]) => text(one)), "td")));
    this.body.replaceChildren(table);
  }
}
