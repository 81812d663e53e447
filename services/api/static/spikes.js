// The banner of what is unusual now, with its cause; all of it in a dialog; and one announcement for each incident, however often it changes.
import { SHORT, at, bdi, button, make, put, shown, table } from "./dom.js";
import { carried, observed, rarity, sentence, slice, usual, within } from "./spike_text.js";

const MOST_REMEMBERED = 200;

function theirs(values, most) {
  const out = make("strong");
  values.forEach((value, i) => out.append(...(i ? [" × "] : []), bdi(value, "", most)));
  return out;
}

export class Spikes {
  constructor(time) {
    this.time = time;
    this.open = [];
    this.drawn = "";
    this.said = new Set();
    this.banner = at("spike");
    this.dialog = at("spikes");
    this.dialog.addEventListener("click", (e) => e.target === this.dialog && this.dialog.close()); // beside it
    this.title = button("", () => this.list(), "spike-title");
    this.title.setAttribute("aria-haspopup", "dialog");
    at("spike-head").append(this.title);
  }

  /** What the pulse says is open, strongest first. */
  tell(spikes) {
    this.open = spikes || [];
    const drawn = JSON.stringify(this.open);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.announce();
    this.banner.hidden = !this.open.length;
    document.body.toggleAttribute("data-spike", this.open.length > 0);
    if (this.open.length) this.draw(this.open[0], this.open.length - 1);
    if (this.dialog.open) this.fill();
  }

  announce() {
    for (const spike of this.open) {
      if (this.said.has(spike.id)) continue;
      this.said.add(spike.id);
      if (this.said.size > MOST_REMEMBERED) this.said.delete(this.said.values().next().value);
      put(at("alarm"), sentence(spike, (text) => shown(text, 2 * SHORT), (when) => this.time.when(when)));
    }
    if (!this.open.length) put(at("alarm"), "");
  }

  draw(spike, more) {
    this.title.replaceChildren(bdi(spike.title));
    const others = make("span", "more", more ? `+ ${more} more` : "");
    if (more) this.title.append(" ", others);
    at("spike-why").replaceChildren(...this.why(spike, SHORT));
    const odds = rarity(spike.once_in_seconds);
    at("spike-odds").replaceChildren(...(odds ? [make("div", "", odds), make("div", "", "by chance")] : []));
  }

  /** "14 in 15 min, usually 0–7 · from chat × billing (11 of 14) · since 14:19 · tickets 35436, 35441". */
  why(spike, most) {
    const out = [make("strong", "", observed(spike)), ` ${within(spike)}`.trimEnd()];
    if (usual(spike)) out.push(`, ${usual(spike)}`);
    const cause = spike.causes?.[0];
    if (cause) {
      const how = carried(cause, spike);
      out.push(" · from ", theirs(slice(cause.dims), most), how ? ` (${how})` : "");
    } else if (slice(spike.dims).length) out.push(" · in ", theirs(slice(spike.dims), most));
    out.push(` · since ${this.time.when(spike.since)}`);
    if (spike.state === "closing") out.push(" · easing");
    const newest = (spike.tickets || []).slice(0, 3);
    if (newest.length) {
      out.push(" · newest ");
      newest.forEach((ticket, i) => out.push(...(i ? [", "] : []), bdi(ticket, "", most)));
    }
    return out;
  }

  list() {
    if (this.dialog.open) return;
    this.fill();
    this.dialog.showModal();
  }

  fill() {
    const head = make("div", "panel-head");
    const close = button("Close", () => this.dialog.close());
    close.autofocus = true;
    head.append(make("h2", "", "Unusual now", { id: "spikes-title" }), close);
    const held = this.dialog.contains(document.activeElement);
    const parts = this.open.length ? this.open.flatMap((spike) => this.whole(spike)) : [make("p", "", "Nothing is unusual any more.")];
    this.dialog.replaceChildren(head, ...parts);
    if (held) close.focus();
  }

  whole(spike) {
    const title = make("h3");
    title.append("▲ ", bdi(spike.title));
    const line = make("p");
    line.append(...this.why(spike));
    const odds = rarity(spike.once_in_seconds);
    const out = [title, line, make("p", "quiet", odds ? `Chance alone does this ${odds}, counting everything that is watched.` : "How rare this is cannot be told yet.")];
    if (spike.causes?.length) {
      out.push(table("Where the excess comes from", ["Where", "Now", "Usual", "Share of the excess"], spike.causes.map((cause) => [
        theirs(slice(cause.dims)), observed({ ...cause, unit: spike.unit }), observed({ observed: cause.expected, unit: spike.unit }), `${Math.round(cause.share * 100)} %`,
      ])));
    }
    if (spike.flat?.length) out.push(make("p", "quiet", `Nothing special by ${spike.flat.map((text) => shown(text)).join(", ")}.`));
    if (spike.tickets?.length) {
      const newest = make("p", "quiet", "Newest: ");
      spike.tickets.forEach((ticket, i) => newest.append(...(i ? [", "] : []), bdi(ticket)));
      out.push(newest);
    }
    return out;
  }
}
