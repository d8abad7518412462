// The real page in its frame: patched in place after every saving, so that it neither flickers nor loses its scroll.
import { button, make, t, textIn, texts } from "./dom.js";

export class Preview {
  constructor(state, given, root) {
    this.state = state;
    this.given = given;
    this.frame = make("iframe", { title: t("preview"), class: "b-real" });
    this.shape = "phone";
    const languages = make("div", { class: "b-switch", role: "group", "aria-label": t("language") });
    const shapes = make("div", { class: "b-switch", role: "group", "aria-label": t("shape") });
    this.languages = languages;
    this.shapes = shapes;
    this.box = make("div", { class: "b-frame b-phone" }, this.frame);
    root.append(make("div", { class: "b-switches" }, shapes, languages, this.seenAs()), this.box);
    this.frame.addEventListener("load", () => this.listen());
    this.drawn = state.revision;
    state.addEventListener("taken", () => {
      if (state.revision !== this.drawn) this.refresh();
    });
    state.addEventListener("select", () => this.turn());
    this.draw();
    this.turn();
  }

  // Whom the preview speaks to: somebody made up, or a customer.
  seenAs() {
    const said = make("span", { class: "small", role: "status" });
    const input = make("input", { type: "search", class: "form-control", "aria-label": t("seen.as"), placeholder: t("seen.who"), autocomplete: "off" });
    const form = make("form", { class: "b-seen", onsubmit: async (event) => {
      event.preventDefault();
      event.stopPropagation();
      const reference = input.value.trim();
      const response = reference ? await fetch(`${this.given.seen_as}?reference=${encodeURIComponent(reference)}`).catch(() => null) : null;
      const answer = response?.ok ? await response.json() : { found: 0 };
      this.as = answer.found === 1 ? { as: answer.as, proof: answer.proof } : null;
      said.textContent = !reference ? t("seen.everybody") : answer.found === 1 ? answer.name : t(answer.found ? "seen.many" : "seen.nobody");
      this.turn();
    } }, input, button(t("seen.as"), () => form.requestSubmit()), said);
    return form;
  }

  draw() {
    this.shapes.replaceChildren(...this.given.shapes.map((name) => this.toggle(t(`shape.${name}`), name === this.shape, () => {
      this.shape = name;
      this.box.className = `b-frame b-${name}`;
      this.draw();
      this.turn(true);
    })));
    const spoken = this.state.part("head").languages ?? ["en"];
    if (!spoken.includes(this.given.language)) this.given.language = spoken[0];
    this.languages.replaceChildren(...spoken.map((code) => this.toggle(this.given.languages[code] ?? code, code === this.given.language, () => {
      this.given.language = code;
      this.draw();
      this.state.announce("language");
      this.turn(true);
    }, code)));
  }

  toggle(label, on, act, lang) {
    return make("button", { type: "button", class: "b-toggle", "aria-pressed": on ? "true" : "false", lang, onclick: act }, label);
  }

  address() {
    const { pages, endings } = this.state.now;
    const key = this.state.selected;
    const start = this.given.preview + this.given.language;
    const kind = this.state.kind(key);
    const way = key === "message" && this.shape !== "popup" ? "mail" : this.shape;
    const query = new URLSearchParams(this.as ?? {});
    const page = kind === "page" ? key : this.state.page(key);
    if (this.given.ways.includes(way)) return `${start}/${way}${this.as ? `?${query}` : ""}`;
    if (kind === "ending") query.set("ending", endings.indexOf(key));
    else query.set("page", Math.max(0, pages.findIndex(([known]) => known === page)));
    return `${start}?${query}`;
  }

  // The page on which what is selected stands.
  turn(again = false) {
    const address = this.address();
    if (again || address !== this.shown) {
      this.writing = null;
      this.shown = address;
      if (!this.frame.contentWindow || !this.frame.src) this.frame.src = address;
      else this.frame.contentWindow.location.replace(address);
    } else this.mark();
  }

  async refresh(again = false) {
    if (this.writing) return;
    this.drawn = this.state.revision;
    const spoken = (this.state.part("head").languages ?? ["en"]).join();
    if (spoken !== this.spoken) {
      this.spoken = spoken;
      this.draw();
    }
    const address = this.address();
    if (address !== this.shown) {
      this.turn();
      return;
    }
    const asked = (this.asked = Symbol("asked"));
    const response = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!response?.ok || asked !== this.asked || this.writing) return;
    const text = await response.text();
    const here = this.frame.contentDocument;
    if (!here) return;
    const wanted = new this.frame.contentWindow.DOMParser().parseFromString(text, "text/html"); // under the page's own policy
    const [old, fresh] = [here.querySelector("main"), wanted.querySelector("main")];
    if (!old || !fresh || this.frame.contentWindow.location.pathname !== new URL(address, location.href).pathname) {
      this.turn(true);
      return;
    }
    if (fresh.querySelector("#popup")) {
      this.turn(true); // a popup draws itself anew
      return;
    }
    if (!again && old.outerHTML === fresh.outerHTML && here.querySelector("style")?.textContent === wanted.querySelector("style")?.textContent) return;
    const style = here.querySelector("head style");
    if (style && wanted.querySelector("head style")) style.textContent = wanted.querySelector("head style").textContent;
    old.replaceWith(here.adoptNode(fresh));
    this.animate(here, wanted);
    this.mark();
  }

  // The page's own script, once more for what stands there now.
  animate(here, wanted) {
    const text = wanted.querySelector("head > script[type=module]")?.textContent;
    if (!text) return;
    const script = here.createElement("script");
    script.type = "module";
    script.textContent = text;
    here.querySelector("head > script[type=module]")?.remove();
    here.head.append(script);
  }

  // A press on a text edits it where it stands.
  listen() {
    const here = this.frame.contentDocument;
    if (!here) return;
    here.addEventListener("click", (event) => {
      if (event.target.closest("[contenteditable]")) {
        event.preventDefault();
        return;
      }
      const title = event.target.closest("h1:not(.unseen)");
      if (title && this.state.kind(this.state.selected) === "ending") this.write(title, this.state.selected, "text");
      const set = event.target.closest("fieldset");
      const id = set?.querySelector("input[name=shown]")?.value;
      const found = this.state.questions().find((key) => this.state.part(key).id === id);
      if (!found || event.target.closest("input, textarea, select, button, .scale label, .list label")) return;
      const words = event.target.closest("legend, .ask, .say");
      const hint = event.target.closest(".hint");
      const field = words ? "text" : hint && hint.id === `h-${id}` ? "help" : null;
      if (!field) {
        this.state.select(found, event.target.closest(".ends") ? "low" : "text");
        return;
      }
      event.preventDefault();
      if (this.state.selected !== found) this.state.select(found);
      this.write(words ?? hint, found, field);
    });
    // A press on an answer gives it, as customers do; a double press edits what it says.
    here.addEventListener("dblclick", (event) => {
      const label = event.target.closest(".list label");
      const id = label?.closest("fieldset")?.querySelector("input[name=shown]")?.value;
      const found = this.state.questions().find((key) => this.state.part(key).id === id);
      const value = label?.querySelector("input")?.value;
      const place = (this.state.part(found)?.options ?? []).findIndex((one) => (one.value ?? one) === value);
      if (!found || place < 0 || event.target.closest("[contenteditable]")) return;
      event.preventDefault();
      if (this.state.selected !== found) this.state.select(found);
      this.write(label, found, "options", place);
    });
    this.mark();
  }

  // A text under the hands of its author: as it is written, its {{ places }} unfilled, saved as it is typed.
  // Of options it is the one at a place. Escape brings back what stood there.
  write(element, key, field, place = null) {
    if (this.state.held.has(key)) return;
    const before = this.state.part(key)[field];
    const texted = (value) => (place === null ? value : value?.[place]?.text ?? value?.[place]);
    const put = (next) => this.state.set(key, field, place === null ? next : this.state.part(key)[field].map((one, at) => (at === place ? { ...(one.value ? one : { value: one }), text: next } : one)), place === null ? `${field}.${language}` : `${field}.${place}.${language}`);
    const language = this.given.language;
    const spoken = this.state.part("head").languages ?? ["en"];
    const words = element.ownerDocument.createElement("span");
    words.contentEditable = "plaintext-only";
    words.textContent = textIn(texted(before), language);
    words.setAttribute("role", "textbox");
    words.setAttribute("aria-label", t(field === "help" ? "help" : field === "options" ? "option.label" : "text", { n: (place ?? 0) + 1, language: this.given.languages[language] ?? language }));
    const text = [...element.childNodes].find((node) => node.nodeType === 3 && node.data.trim());
    if (text) text.replaceWith(words);
    else element.prepend(words);
    words.addEventListener("input", () => {
      const typed = words.textContent.replaceAll("\u00a0", " ");
      const next = { ...texts(texted(this.state.part(key)?.[field]), spoken), [language]: typed };
      if (!typed.trim()) delete next[language];
      if (key in this.state.now.parts) put(next);
    });
    words.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        if (event.key === "Escape" && key in this.state.now.parts) this.state.set(key, field, before, `${field}.back`);
        words.blur();
      }
    });
    words.addEventListener("blur", () => {
      this.writing = null;
      this.refresh(true);
    });
    this.writing = words;
    words.focus();
  }

  mark() {
    const here = this.frame.contentDocument;
    if (!here) return;
    const id = this.state.kind(this.state.selected) === "question" ? this.state.part(this.state.selected).id : null;
    for (const set of here.querySelectorAll("fieldset")) {
      const on = Boolean(id) && set.querySelector("input[name=shown]")?.value === id;
      set.style.outline = on ? "2px solid var(--accent)" : "";
      set.style.outlineOffset = on ? "8px" : "";
      set.style.borderRadius = on ? "4px" : "";
      if (on && !this.visible(set)) set.scrollIntoView({ block: "center" });
    }
  }

  visible(one) {
    const box = one.getBoundingClientRect();
    return box.top >= 0 && box.top < this.frame.clientHeight - 60;
  }
}
