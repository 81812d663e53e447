// Making elements. Every text from elsewhere goes through `shown` and into a text node: never markup, never an invisible or turning character.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const MOST_CHARACTERS = 200;
export const SHORT = 40; // of a word among others in one line

/** A stranger's text as it may be put on a wall: what cannot be seen, or turns the direction of what follows, becomes a visible sign; long ends in "…". */
export function shown(text, most = MOST_CHARACTERS) {
  const whole = String(text ?? "").replace(UNSEEN, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code); // ␀ … ␟
    if (code === 0x7f) return "␡";
    return code >= 0xd800 && code <= 0xdfff ? "�" : `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
  const characters = Array.from(whole);
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : whole;
}

export const at = (id) => document.getElementById(id);

/** An element with a class and our own words; `properties` are set as they are. */
export const make = (name, className = "", text = "", properties = {}) => Object.assign(document.createElement(name), { className, textContent: text }, properties);

/** A stranger's words, isolated from the direction of the words around them. */
export const bdi = (text, className = "", most = MOST_CHARACTERS) => make("bdi", className, shown(text, most));

/** Sets a text only when it differs: a wall that repaints nothing costs nothing. */
export const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

/** A button that does something here. */
export function button(text, act, className = "") {
  const one = make("button", className, text, { type: "button" });
  one.addEventListener("click", act);
  return one;
}

/** A drawing's element; attributes only, so that no style has to be allowed. */
export function draw(name, attributes, ...children) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, String(value));
  one.append(...children);
  return one;
}

/** A table with a caption for those who do not see where it stands. Cells are texts, elements, or lists of them. */
export function table(caption, names, rows) {
  const put = (line, cell, of) => {
    const box = make(of);
    for (const one of [cell].flat()) box.append(one instanceof Node ? one : make("div", "", shown(one)));
    line.append(box);
    return box;
  };
  const head = make("tr");
  for (const name of names) put(head, name, "th").scope = "col";
  const top = make("thead");
  top.append(head);
  const body = make("tbody");
  for (const cells of rows) {
    const line = make("tr");
    for (const cell of cells) put(line, cell, "td");
    body.append(line);
  }
  const out = make("table");
  out.append(make("caption", "unseen", caption), top, body);
  const scroll = make("div", "table-room", "", { tabIndex: 0, role: "group", ariaLabel: caption });
  scroll.append(out);
  return scroll;
}

/** The problem of an answer that is none: what the server says, or that it cannot be reached. */
export async function ask(address, options = {}) {
  try {
    const answer = await fetch(address, { cache: "no-store", ...options });
    const told = await answer.json().catch(() => ({}));
    return answer.ok ? { told } : { status: answer.status, errors: told.errors || [], problem: shown(told.detail || `the server answers ${answer.status}`) };
  } catch (error) {
    if (error.name === "AbortError") return { problem: "", gone: true };
    return { problem: "The server cannot be reached." };
  }
}
