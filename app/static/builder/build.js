// The builder: outline, preview and properties around one state that saves itself.
import { button, key as newKey, make, speak, t, textIn } from "./dom.js";
import { Fields } from "./fields.js";
import { Outline } from "./outline.js";
import { Preview } from "./preview.js";
import { Saver } from "./save.js";
import { State } from "./state.js";

const place = (name) => document.getElementById(`b-${name}`);
const given = JSON.parse(document.getElementById("b-given").textContent);
speak(given.words);
given.names = given.languages;
given.language = (given.parts.head.languages ?? ["en"])[0];

const spoken = () => state.part("head").languages ?? ["en"];
const inAll = (name) => Object.fromEntries(spoken().map((code) => [code, given.starts[code]?.[name] ?? given.starts.en[name]]));
const numbered = (text, n) => Object.fromEntries(Object.entries(text).map(([code, words]) => [code, `${words} ${n}`]));

// A new answer to choose; its value is never one that another had.
given.option = (list) => {
  const used = new Set(list.map((one) => one.value));
  let n = list.length + 1;
  while (used.has(`a${n}`)) n += 1;
  return { value: `a${n}`, text: {} };
};
given.blank = (field) => [1, 2].map((n) => ({ value: `${field === "rows" ? "r" : "a"}${n}`, text: numbered(inAll(field === "rows" ? "row" : "option"), n) }));

const state = new State(given);
state.selected = state.questions()[0] ?? "head";

const picker = place("picker");
let addAfter = null;

const freshId = (type) => {
  const used = new Set(state.questions().flatMap((key) => [state.part(key).id, `${state.part(key).id}_other`]));
  const base = { text: "comment", single: "choice", multiple: "choices", dropdown: "choice", statement: "note", image_choice: "picture" }[type] ?? type;
  let id = base;
  for (let n = 2; used.has(id) || ["page", "shown", "back"].includes(id); n += 1) id = `${base}_${n}`;
  return id;
};

const newQuestion = (type) => {
  const rules = given.types[type];
  const part = { id: freshId(type), type, text: inAll(`text.${type}`) };
  for (const field of rules.must) part[field] = given.blank(field);
  return part;
};

// What is added stands behind a part: a question on its page, a page behind its page, an ending behind an ending.
const add = (kind, type) => {
  const after = addAfter;
  const page = state.kind(after) === "page" ? after : state.page(after) ?? state.now.pages.at(-1)?.[0] ?? null;
  const key = newKey(kind[0]);
  if (kind === "question") {
    const changes = page ? [] : [{ verb: "add", key: newKey("p"), kind: "page", after: null, value: {} }];
    const home = page ?? changes[0].key;
    const behind = state.page(after) === home ? after : state.kind(after) === "page" ? null : state.now.pages.at(-1)?.[1].at(-1) ?? null;
    state.edit([...changes, { verb: "add", key, kind, page: home, after: behind, value: newQuestion(type) }]);
  } else if (kind === "page") {
    const first = newKey("q");
    state.edit([{ verb: "add", key, kind, after: page, value: {} }, { verb: "add", key: first, kind: "question", page: key, after: null, value: newQuestion("text") }]);
  } else {
    const behind = state.kind(after) === "ending" ? after : null;
    state.edit([{ verb: "add", key, kind, after: behind, value: { text: inAll("ending"), ...(state.now.endings.length && { if: { field: `answers.${state.part(state.questions()[0])?.id ?? "nps"}`, op: "gte", value: 9 } }) } }]);
  }
  picker.close();
  state.select(key, "text");
  show("edit");
};

const openPicker = (key) => {
  addAfter = key ?? state.selected;
  picker.showModal();
};

for (const one of picker.querySelectorAll("[data-add]")) one.addEventListener("click", () => add(one.dataset.add, one.dataset.type));
picker.querySelector("[data-close]").addEventListener("click", () => picker.close());
picker.addEventListener("click", (event) => {
  if (event.target === picker) picker.close();
});

const remove = (key) => {
  if (!state.kind(key)) return;
  const keys = [...place("outline").querySelectorAll(".b-item")].map((row) => row.dataset.key);
  const next = keys[keys.indexOf(key) - 1] ?? "head";
  state.edit([{ verb: "remove", key }]);
  state.select(next in state.now.parts ? next : "head");
  tell(t("removed"), [t("undo"), () => state.undo()]);
};

const duplicate = (key) => {
  const kind = state.kind(key);
  const part = structuredClone(state.part(key));
  const made = newKey(kind[0]);
  if (kind === "question") {
    part.id = freshId(part.id.replace(/_\d+$/, ""));
    state.edit([{ verb: "add", key: made, kind, page: state.page(key), after: key, value: part }]);
  } else if (kind === "page") {
    delete part.id;
    const changes = [{ verb: "add", key: made, kind, after: key, value: part }];
    let after = null;
    for (const question of state.now.pages.find(([page]) => page === key)[1]) {
      const copy = newKey("q");
      const value = structuredClone(state.part(question));
      value.id = freshId(`${value.id.replace(/_\d+$/, "")}`);
      while (changes.some((change) => change.value.id === value.id)) value.id = value.id.replace(/(?:_(\d+))?$/, (whole, n) => `_${Number(n ?? 1) + 1}`);
      changes.push({ verb: "add", key: copy, kind: "question", page: made, after, value });
      after = copy;
    }
    state.edit(changes);
  } else state.edit([{ verb: "add", key: made, kind, after: key, value: part }]);
  state.select(made, "text");
};

// What is said for a moment, perhaps with a way back.
let toast = 0;
const tell = (text, act = null) => {
  const root = place("told");
  root.replaceChildren(make("span", {}, text), ...(act ? [button(act[0], () => {
    act[1]();
    root.replaceChildren();
  })] : []));
  clearTimeout(toast);
  toast = setTimeout(() => root.replaceChildren(), 10_000);
};

const saver = new Saver(state, given, (what, at) => {
  const root = place("saved");
  const text = what === "saved" ? (at ? t("saved.at", { at }) : "") : t(`saved.${what}`);
  if (root.textContent !== text) root.textContent = text;
  root.dataset.state = what;
  root.classList.toggle("b-alarm", !["saved", "saving"].includes(what));
  if (["gone", "replaced", "signed_out", "refused"].includes(what)) tell(t(`told.${what}`), [t("reload"), () => location.reload()]);
});

new Outline(state, given, place("outline"), openPicker);
const preview = new Preview(state, given, place("preview"));
new Fields(state, given, place("edit"));
for (const root of [place("outline"), place("edit")]) {
  root.addEventListener("remove", (event) => remove(event.detail));
  root.addEventListener("add", (event) => openPicker(event.detail));
  root.addEventListener("copy", (event) => duplicate(event.detail));
}

const [undo, redo] = [place("undo"), place("redo")];
undo.addEventListener("click", () => state.undo());
redo.addEventListener("click", () => state.redo());
const steps = () => {
  undo.disabled = !state.past.length;
  redo.disabled = !state.future.length;
  const publish = place("publish");
  publish.classList.toggle("b-not-yet", state.told.faults.length > 0);
  const name = textIn(state.part("head").name, given.language);
  if (name) document.querySelector("h1").textContent = name;
};
for (const name of ["change", "taken", "select"]) state.addEventListener(name, steps);
steps();

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z") return;
  event.preventDefault();
  if (event.shiftKey) state.redo();
  else state.undo();
});

// Who else is here, and what they did while we looked on.
state.addEventListener("taken", ({ detail }) => {
  const here = state.told.present ?? [];
  place("present").replaceChildren(...here.map(({ name }) => make("span", { class: "b-face", title: t("is.here", { who: name }) }, name.slice(0, 1).toUpperCase(), make("span", { class: "visually-hidden" }, t("is.here", { who: name })))));
  const wanted = Object.entries(state.marks).filter(([key, [, by, other]]) => by === given.me && other && other !== given.me && !state.held.has(key));
  for (const [key, [revision, , other]] of wanted) {
    if (noticed.has(`${key}.${revision}`)) continue;
    noticed.add(`${key}.${revision}`);
    tell(t("conflict.told", { who: state.told.names?.[other] ?? other, what: textIn(state.part(key)?.text, given.language) || t("kind.question") }));
  }
  const changed = detail.others.find((key) => key in state.now.parts && !state.held.has(key) && state.marks[key]?.[1] && state.marks[key][1] !== given.me);
  if (changed) tell(t("other.changed", { who: state.told.names?.[state.marks[changed][1]] ?? state.marks[changed][1], what: textIn(state.part(changed).text, given.language) || t(`part.${changed}`) }));
});
const noticed = new Set();

// Three columns, or one at a time.
const tabs = [...document.querySelectorAll("[data-tab]")];
const show = (name) => {
  document.body.dataset.tab = name;
  for (const tab of tabs) tab.setAttribute("aria-selected", tab.dataset.tab === name ? "true" : "false");
};
for (const tab of tabs) {
  tab.addEventListener("click", () => show(tab.dataset.tab));
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
    next.focus();
    show(next.dataset.tab);
  });
}
show("outline");
state.addEventListener("select", ({ detail }) => {
  if (detail.place) show("edit");
});

// Leading on only with everything saved.
for (const link of document.querySelectorAll("[data-saved-first]")) {
  link.addEventListener("click", async (event) => {
    if (!saver.unsaved()) return;
    event.preventDefault();
    if (await saver.all()) location.assign(link.href);
    else tell(t(state.held.size ? "saved.conflict" : "saved.away"));
  });
}

for (const trial of document.querySelectorAll("[data-trial]")) {
  trial.addEventListener("submit", async (event) => {
    trial.elements.language.value = given.language;
    if (!saver.unsaved()) return;
    event.preventDefault();
    if (await saver.all()) {
      trial.submit();
      return;
    }
    delete trial.dataset.sent;
    tell(t(state.held.size ? "saved.conflict" : "saved.away"));
  });
}

document.body.dataset.built = "yes";
performance.mark("built");
