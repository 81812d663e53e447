// The token that may edit: asked for once, kept for this tab's session only, sent as a header. It is never part of an address, a text or a log.
import { at, button, make } from "./dom.js";

const KEPT = "deskpulse.edit-token";
let inMemory = ""; // of a browser that keeps nothing

const read = () => { try { return sessionStorage.getItem(KEPT) || inMemory; } catch { return inMemory; } };

export function forgetToken() {
  inMemory = "";
  try { sessionStorage.removeItem(KEPT); } catch { /* nothing is kept */ }
}

function keep(token) {
  inMemory = token;
  try { sessionStorage.setItem(KEPT, token); } catch { /* for this page only */ }
}

/** The headers of a request that writes, or null when nobody gave a token. `why` says why it is asked for again. */
export async function authorised(why = "") {
  const token = why ? "" : read();
  const given = token || (await asked(why));
  return given ? { Authorization: `Bearer ${given}` } : null;
}

function asked(why) {
  const dialog = at("token");
  const form = make("form");
  const label = make("label", "field", "Token that may edit");
  const field = make("input", "", "", { type: "password", autocomplete: "off", spellcheck: false, required: true });
  label.append(field);
  const acts = make("div", "acts");
  const go = make("button", "first", "Go on", { type: "submit" });
  acts.append(go, button("Cancel", () => dialog.close()));
  form.append(make("h2", "", "Who may edit shows a token", { id: "token-title" }));
  if (why) form.append(make("p", "problem", why, { role: "alert" }));
  form.append(make("p", "quiet", "It is kept until this tab is closed."), label, acts);
  dialog.replaceChildren(form);
  return new Promise((done) => {
    let token = "";
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      const typed = field.value.trim();
      if (!/^[\x21-\x7e]+$/.test(typed)) { // a header can carry nothing else, and an error of the browser would say the token
        field.setCustomValidity("A token is written in visible ASCII characters, without spaces.");
        field.reportValidity();
        field.setCustomValidity("");
        return;
      }
      token = typed;
      keep(token);
      dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.replaceChildren(); done(token); }, { once: true });
    dialog.showModal();
  });
}
