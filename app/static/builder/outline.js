// The outline: everything in its order; moved by mouse, by touch, by keys and by buttons.
import { button, icon, make, t, textIn } from "./dom.js";

export class Outline {
  constructor(state, given, root, add) {
    this.state = state;
    this.given = given;
    this.root = root;
    this.add = add;
    this.items = new Map();
    this.stopped = { pages: {}, all: "" };
    this.list = make("ol", { class: "b-list" });
    this.foot = make("p", { class: "b-foot small muted" });
    root.append(this.list, this.foot);
    this.list.addEventListener("keydown", (event) => this.press(event));
    this.list.addEventListener("pointerdown", (event) => this.grab(event));
    state.addEventListener("change", () => this.soon());
    state.addEventListener("taken", () => this.soon());
    state.addEventListener("select", () => this.soon());
    this.draw();
    if (given.stops) this.count();
  }

  // Where people stop is told a moment later: counting it keeps nobody from writing.
  async count() {
    const response = await fetch(this.given.stops).catch(() => null);
    if (!response?.ok) return;
    this.stopped = await response.json();
    this.soon();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  entries() {
    const { pages, endings } = this.state.now;
    const found = [["head", "fixed"], ["message", "fixed"], ["theme", "fixed"]];
    for (const [page, questions] of pages) found.push([page, "page"], ...questions.map((key) => [key, "question"]));
    return [...found, ...endings.map((key) => [key, "ending"])];
  }

  label(key, kind, number) {
    const part = this.state.part(key);
    const language = this.given.language;
    if (kind === "fixed") return [t(`part.${key}`), ""];
    if (kind === "page") return [t("page.n", { n: number }), this.state.told.sentences[key] ? t("only.if", { what: this.state.told.sentences[key] }) : "", this.stops(key)];
    if (kind === "ending") return [textIn(part.text, language) || t("no.text"), part.if ? t("only.if", { what: this.state.told.sentences[key] ?? "…" }) : t("otherwise")];
    const notes = [t(`type.${part.type}`)];
    if (part.required) notes.push(t("required.short"));
    if (part.show_if) notes.push(t("only.if", { what: this.state.told.sentences[key] ?? "…" }));
    return [textIn(part.text, language) || t("no.text"), notes.join(" · ")];
  }

  // How many stopped at a page: it is known by its first question, as in the results.
  stops(page) {
    const [first] = this.state.now.pages.find(([known]) => known === page)[1];
    return this.stopped.pages[this.state.part(first)?.id] ?? "";
  }

  draw() {
    const wanted = this.entries();
    const troubles = new Map();
    for (const { key } of this.state.told.faults) troubles.set(key, "bad");
    for (const { key } of this.state.told.warnings) if (!troubles.has(key)) troubles.set(key, "wait");
    for (const key of this.state.held.keys()) troubles.set(key, "bad");
    const others = new Map((this.state.told.present ?? []).map((one) => [one.at, one.name]));
    let before = null;
    let pages = 0;
    const seen = new Set();
    for (const [key, kind] of wanted) {
      seen.add(key);
      if (kind === "page") pages += 1;
      const [text, note, stop = ""] = this.label(key, kind, pages);
      let item = this.items.get(key);
      if (!item) this.items.set(key, (item = this.item(key, kind)));
      const marks = JSON.stringify([text, note, stop, troubles.get(key), others.get(key), this.state.selected === key]);
      if (item.marks !== marks) {
        item.marks = marks;
        item.text.textContent = text;
        item.note.textContent = note;
        item.note.hidden = !note;
        item.stop.textContent = stop;
        item.stop.hidden = !stop;
        item.trouble.hidden = !troubles.has(key);
        item.trouble.className = `b-trouble ${troubles.get(key) === "bad" ? "b-bad" : "b-wait"}`;
        item.trouble.textContent = troubles.has(key) ? t(troubles.get(key) === "bad" ? "has.fault" : "has.warning") : "";
        item.who.textContent = others.get(key) ?? "";
        item.who.hidden = !others.has(key);
        if (this.state.selected === key) item.main.setAttribute("aria-current", "true");
        else item.main.removeAttribute("aria-current");
        item.row.classList.toggle("b-here", this.state.selected === key);
      }
      const next = before ? before.nextSibling : this.list.firstChild;
      if (next !== item.row) this.list.insertBefore(item.row, next);
      before = item.row;
    }
    for (const [key, item] of this.items) {
      if (seen.has(key)) continue;
      item.row.remove();
      this.items.delete(key);
    }
    const count = this.state.questions().filter((key) => this.state.part(key).type !== "statement").length;
    const length = `${plural("questions", count)}, ${t("about.time", { time: span(this.state.told.seconds) })}`;
    this.foot.textContent = [length, this.stopped.all].filter(Boolean).join(" · ");
  }

  item(key, kind) {
    const text = make("span", { class: "b-text" });
    const note = make("span", { class: "b-note small muted" });
    const stop = make("span", { class: "b-note b-stop small muted", hidden: true });
    const trouble = make("span", { class: "b-trouble", hidden: true });
    const who = make("span", { class: "chip chip-wait", hidden: true });
    const main = make("button", { type: "button", class: "b-main", onclick: () => this.state.select(key) }, text, note, stop, trouble, who);
    const row = make("li", { class: `b-item b-${kind}`, "data-key": key }, main);
    if (kind !== "fixed") {
      row.append(
        make("span", { class: "b-tools" },
          make("span", { class: "b-grip", "aria-hidden": "true" }, icon("grip")),
          button(icon("up"), () => this.shift(key, -1), { class: "b-tool", "aria-label": t("move.up"), tabindex: -1 }),
          button(icon("down"), () => this.shift(key, 1), { class: "b-tool", "aria-label": t("move.down"), tabindex: -1 }),
        ),
        button(icon("plus"), () => this.add(key), { class: "b-plus", "aria-label": t("add.after"), title: t("add.after"), tabindex: -1 }),
      );
    }
    return { row, main, text, note, stop, trouble, who, marks: "" };
  }

  // One place up or down; a question goes on to the page before or after.
  shift(key, by) {
    const { pages, endings } = this.state.now;
    const kind = this.state.kind(key);
    if (kind === "question") {
      const at = pages.findIndex(([, questions]) => questions.includes(key));
      const place = pages[at][1].indexOf(key) + by;
      if (place >= 0 && place < pages[at][1].length) this.put(key, kind, pages[at][0], place);
      else if (pages[at + by]) this.put(key, kind, pages[at + by][0], by > 0 ? 0 : pages[at + by][1].length);
    } else {
      const keys = kind === "page" ? pages.map(([page]) => page) : endings;
      const place = keys.indexOf(key) + by;
      if (place >= 0 && place < keys.length) this.put(key, kind, null, place);
    }
    this.items.get(key)?.main.focus();
  }

  // Make a part the one at `place` among those of its kind.
  put(key, kind, page, place) {
    const { pages, endings } = this.state.now;
    const list = kind === "question" ? pages.find(([known]) => known === page)[1] : kind === "page" ? pages.map(([known]) => known) : endings;
    const rest = list.filter((known) => known !== key);
    this.state.edit([{ verb: "move", key, kind, page, after: place > 0 ? rest[Math.min(place, rest.length) - 1] : null }]);
    this.draw();
  }

  press(event) {
    const row = event.target.closest(".b-item");
    if (!row || !event.target.matches(".b-main")) return;
    const up = event.key === "ArrowUp";
    if (!up && event.key !== "ArrowDown") {
      if (event.key === "Delete") this.root.dispatchEvent(new CustomEvent("remove", { detail: row.dataset.key }));
      return;
    }
    event.preventDefault();
    if (event.altKey && !row.matches(".b-fixed")) this.shift(row.dataset.key, up ? -1 : 1);
    else (up ? row.previousElementSibling : row.nextElementSibling)?.querySelector(".b-main").focus();
  }

  // Dragged by its grip (touch) or by anything of it (mouse), with a line where it would go.
  grab(event) {
    const row = event.target.closest(".b-item:not(.b-fixed)");
    const grip = event.target.closest(".b-grip");
    if (!row || event.button || (event.pointerType !== "mouse" && !grip) || event.target.closest(".b-tool, .b-plus")) return;
    if (grip) event.preventDefault();
    const key = row.dataset.key;
    const kind = this.state.kind(key);
    const start = event.clientY;
    let going = Boolean(grip) && event.pointerType !== "mouse";
    let target = null;
    const clear = () => this.list.querySelectorAll(".b-over").forEach((one) => one.classList.remove("b-over", "b-above"));
    const move = (now) => {
      if (!going && Math.abs(now.clientY - start) < 6) return;
      going = true;
      now.preventDefault();
      row.classList.add("b-drag");
      clear();
      const over = [...this.list.children].find((one) => {
        const box = one.getBoundingClientRect();
        return now.clientY >= box.top && now.clientY < box.bottom;
      });
      target = over && over !== row ? this.target(over, kind, now.clientY) : null;
      if (target) target.row.classList.add("b-over", ...(target.above ? ["b-above"] : []));
      const edge = this.root.getBoundingClientRect();
      if (now.clientY < edge.top + 40) this.root.scrollTop -= 12;
      if (now.clientY > edge.bottom - 40) this.root.scrollTop += 12;
    };
    const end = (now) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      row.classList.remove("b-drag");
      clear();
      if (now.type === "pointerup" && going && target) this.put(key, kind, target.page, target.place);
      if (going) addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true });
      setTimeout(() => this.list.click(), 0); // takes the listener above away where no click came
    };
    addEventListener("pointermove", move, { passive: false });
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  // Where a part would go if it were let go over this row.
  target(over, kind, y) {
    const box = over.getBoundingClientRect();
    const above = y < box.top + box.height / 2;
    const key = over.dataset.key;
    const own = this.state.kind(key);
    const { pages, endings } = this.state.now;
    if (kind === "question") {
      if (own === "page") {
        const at = pages.findIndex(([page]) => page === key);
        if (above && at > 0) return { row: over, above, page: pages[at - 1][0], place: pages[at - 1][1].length };
        return { row: over, above: false, page: key, place: 0 };
      }
      if (own !== "question") return null;
      const page = this.state.page(key);
      return { row: over, above, page, place: this.without(pages.find(([known]) => known === page)[1], key, above) };
    }
    if (kind === "page") {
      const page = own === "page" ? key : own === "question" ? this.state.page(key) : null;
      return page ? { row: over, above, page: null, place: this.without(pages.map(([known]) => known), page, own === "page" && above) } : null;
    }
    return own === "ending" ? { row: over, above, page: null, place: this.without(endings, key, above) } : null;
  }

  without(keys, key, above) {
    const dragged = this.list.querySelector(".b-drag")?.dataset.key;
    return keys.filter((known) => known !== dragged).indexOf(key) + (above ? 0 : 1);
  }
}

const RULES = {};
export const plural = (name, n) => {
  const language = document.documentElement.lang;
  RULES[language] ??= new Intl.PluralRules(language);
  const form = RULES[language].select(n);
  const told = t(`${name}.${form}`, { n });
  return told === `${name}.${form}` ? t(`${name}.other`, { n }) : told;
};

export const span = (seconds) => (seconds < 100 ? t("seconds", { n: Math.round(seconds / 5) * 5 || 5 }) : t("minutes", { n: Math.round(seconds / 60) }));
