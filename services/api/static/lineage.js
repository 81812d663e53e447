// The panel behind a tile: where its figure comes from. Everything from elsewhere is put in as text, never as markup.
import { amount, duration, windowName } from "./figure_text.js";

const LIMIT = 100;
const EVENTS_SHOWN = 8;
const make = (name, className = "", text = "") => Object.assign(document.createElement(name), { className, textContent: text });
const clock = (at) => `${at.slice(0, 19).replace("T", " ")} UTC`;

export class LineagePanel {
  /** `dialog` is filled at each opening; the browser gives it the focus, the Escape key and the way back. */
  constructor(dialog) {
    this.dialog = dialog;
    this.turn = 0;
    dialog.addEventListener("click", (e) => e.target === dialog && dialog.close()); // beside the panel
    dialog.addEventListener("close", () => (this.turn += 1)); // an answer that comes later is nobody's
  }

  /** Makes an element open the lineage of a tile's figure, by mouse and by keyboard. */
  attach(element, tile) {
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    element.setAttribute("aria-haspopup", "dialog");
    element.addEventListener("click", () => this.open(tile));
    element.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      this.open(tile);
    });
  }

  async open(tile) {
    if (this.dialog.open) return;
    const address = `/v1/lineage?${new URLSearchParams({ kpi: tile.kpi, window: tile.window, limit: LIMIT })}`;
    const turn = (this.turn += 1);
    this.show(tile, address, [make("p", "lineage-wait", "reading the logs …")]);
    this.dialog.showModal();
    const told = await this.ask(address);
    if (turn === this.turn) this.show(tile, address, told.figure ? parts(told) : [make("p", "lineage-problem", told.detail)]);
  }

  async ask(address) {
    try {
      const answer = await fetch(address, { cache: "no-store" });
      const body = await answer.json();
      return answer.ok ? body : { detail: body.detail || `the server answers ${answer.status}` };
    } catch {
      return { detail: "The server cannot be reached" };
    }
  }

  show(tile, address, content) {
    const head = make("header", "lineage-head");
    const close = make("button", "lineage-close", "Close");
    close.type = "button";
    close.autofocus = true;
    close.addEventListener("click", () => this.dialog.close());
    const json = make("a", "", "JSON");
    Object.assign(json, { href: address, target: "_blank", rel: "noopener" });
    const title = make("h2", "", `${tile.title}, ${windowName(tile.window)}`);
    title.id = "lineage-title";
    head.append(title, json, close);
    this.dialog.replaceChildren(head, ...content);
    if (this.dialog.open) close.focus();
  }
}

function parts(told) {
  const out = [make("p", "lineage-filled", told.filled), make("p", "lineage-formula", told.formula)];
  if (!told.complete) out.push(make("p", "lineage-problem", told.reason || "the list may be incomplete"));
  const listed = told.more ? `, the newest ${told.entities.length} listed` : "";
  const beside = told.beside ? `, ${told.beside} told beside` : "";
  out.push(make("h3", "", `${told.counted} count${beside}${listed}`));
  if (told.entities.length) out.push(table(["What", "Counts", "Of", "By events"], told.entities.map(entity)));
  const reasons = Object.entries(told.left_out_counts).map(([reason, n]) => `${n} ${reason.replace(/_/g, " ")}`);
  out.push(make("h3", "", reasons.length ? `Left out: ${reasons.join(", ")}` : "Nothing is left out"));
  if (told.left_out.length) {
    out.push(table(["What", "Why", "Detail", "When"], told.left_out.map((one) => [one.entity, one.reason.replace(/_/g, " "), one.detail, clock(one.at)])));
  }
  const late = told.revisions.late_applied;
  if (told.revisions.total || late) {
    const [n] = amount(late, "");
    out.push(make("h3", "", `Revision ${told.revisions.total}; ${n} event${late === 1 ? "" : "s"} of this span came over an hour late`));
  }
  return out;
}

function entity(one) {
  const counts = one.counts.map((line) => {
    const lasted = line.value_seconds === null ? "" : ` ${duration(line.value_seconds).join(" ")}`;
    const name = [line.measure, line.class].filter(Boolean).join(" ").replace(/_/g, " ");
    return `${name}${lasted}${line.count === 1 ? "" : ` × ${line.count}`} at ${clock(line.at)}${line.beside ? " (beside)" : ""}`;
  });
  const first = [...one.events].sort((a, b) => (b.made.length > 0) - (a.made.length > 0)).slice(0, EVENTS_SHOWN);
  const more = one.events.length - first.length + one.more_events;
  const events = first.map((event) => `${event.type} ${event.id} at ${clock(event.occurred_at)}`);
  if (more) events.push(`… ${more} more`);
  const of = Object.entries(one.attributes).map(([name, value]) => `${name} ${value}`);
  return [one.through ? [one.entity, one.through] : one.entity, counts, of, events];
}

function table(names, rows) {
  const out = make("table");
  const head = make("tr");
  for (const name of names) head.append(Object.assign(make("th", "", name), { scope: "col" }));
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr");
    for (const cell of row) {
      const box = make("td");
      for (const text of [cell].flat()) box.append(make("div", "", text));
      line.append(box);
    }
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  out.append(top, body);
  const scroll = make("div", "lineage-table");
  scroll.append(out);
  return scroll;
}
