// Elements made of values, never of markup; and the words of the page.
let words = {};

export const speak = (given) => {
  words = given;
};

// A sentence of the page, its {values} filled in.
export const t = (name, values = {}) =>
  (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));

let count = 0;
export const fresh = (prefix) => `${prefix}-${(count += 1)}`;

export const make = (tag, marks = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(marks)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else if (name === "checked" || name === "disabled" || name === "selected") made[name] = Boolean(value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined && part !== false && part !== ""));
  return made;
};

export const button = (label, act, { class: look = "", ...marks } = {}) =>
  make("button", { type: "button", class: look.startsWith("btn ") ? look : `btn btn-plain btn-small ${look}`.trim(), onclick: act, ...marks }, label);

const ICONS = {
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  remove: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
};

export const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true", class: "b-icon" })) svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
};

// A text of the survey in a language, else in the first there is.
export const textIn = (texts, language) => {
  if (typeof texts === "string") return texts;
  if (!texts) return "";
  return texts[language] ?? Object.values(texts)[0] ?? "";
};

// A text as a mapping by language; a bare one is in the survey's first.
export const texts = (value, languages) => {
  if (typeof value === "string") return { [languages[0]]: value };
  return value && typeof value === "object" ? value : {};
};

export const key = (prefix) => {
  const numbers = crypto.getRandomValues(new Uint32Array(2));
  return `${prefix}${numbers[0].toString(36)}${numbers[1].toString(36)}`.slice(0, 20);
};
