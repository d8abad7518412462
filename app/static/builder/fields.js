// What can be said of a part: its texts in every language side by side, its answers, when it is shown.
import { ConditionForm, fieldsFor } from "./condition-form.js";
import { button, fresh, icon, make, t, textIn, texts } from "./dom.js";

const ATTRIBUTES = ["contact.locale", "contact.attributes.plan", "contact.attributes.country", "properties.touchpoint", "properties.place"];
const MESSAGE = ["subject", "preview", "reason", "benefit", "sender", "reply_to", "signature", "reminder"];
const WITHOUT_SOME = ["type", "text", "id", "help", "required", "show_if"];

export class Fields {
  constructor(state, given, root) {
    Object.assign(this, { state, given, root });
    this.body = make("div", { class: "b-fields" });
    root.append(this.body);
    state.addEventListener("select", (event) => this.draw(event.detail.place));
    state.addEventListener("taken", (event) => this.taken(event.detail));
    state.addEventListener("language", () => this.draw());
    state.addEventListener("change", (event) => {
      const elsewhere = !event.detail.typing || !this.body.contains(document.activeElement);
      if (elsewhere && event.detail.keys.includes(this.state.selected)) this.draw();
    });
    this.draw();
  }

  get languages() {
    return this.state.part("head").languages ?? ["en"];
  }

  get part() {
    return this.state.part(this.state.selected);
  }

  set(field, value, place = field) {
    this.state.set(this.state.selected, field, value, place);
  }

  taken({ others, moved, conflicts }) {
    if (conflicts.length || others.includes(this.state.selected) || others.includes("head") || moved) this.draw();
    else this.mark();
  }

  draw(place = null) {
    const focus = place === null ? this.body.contains(document.activeElement) && document.activeElement.dataset.place : place;
    const key = this.state.selected;
    const kind = this.state.kind(key) ?? key;
    const shown = [this.conflicts()];
    if (!this.state.held.has(key)) {
      const draw = { head: this.head, message: this.message, theme: this.theme, page: this.page, question: this.question, ending: this.ending }[kind];
      shown.push(draw.call(this, this.part));
    }
    this.body.replaceChildren(...shown.flat(3).filter(Boolean));
    this.mark();
    if (focus) {
      const field = [...this.body.querySelectorAll("[data-place]")].find((one) => one.dataset.place === focus || one.dataset.place.startsWith(`${focus}.${this.given.language}`));
      field?.focus({ preventScroll: place === null });
    }
  }

  // Faults and warnings at the fields they are about.
  mark() {
    for (const old of this.body.querySelectorAll(".b-said")) old.remove();
    const said = [...this.state.told.faults.map((one) => ({ ...one, bad: true })), ...this.state.told.warnings];
    for (const one of said.filter(({ key }) => key === this.state.selected)) {
      const note = make("p", { class: `b-said small ${one.bad ? "fault" : "b-warning"}` }, one.text);
      const path = one.place.join(".");
      const groups = [...this.body.querySelectorAll("[data-group]")];
      const group = groups.filter((g) => path === g.dataset.group || path.startsWith(`${g.dataset.group}.`)).at(-1);
      (group ?? this.body).append(note);
    }
  }

  conflicts() {
    return [...this.state.held].map(([key, { theirs, by, mine }]) => make("section", { class: "note note-wait", role: "alert" },
      make("h3", { class: "b-h" }, t("conflict.title", { who: by || t("somebody"), what: this.nameOf(key, mine) })),
      make("p", {}, t("conflict.text")),
      make("div", { class: "b-two" },
        this.version(t("yours"), mine, () => this.state.choose(key, true), t("keep.mine")),
        this.version(t("theirs.of", { who: by || t("somebody") }), theirs, () => this.state.choose(key, false), t("take.theirs")))));
  }

  nameOf(key, mine) {
    const part = this.state.part(key) ?? mine;
    return key in { head: 1, message: 1, theme: 1 } ? t(`part.${key}`) : textIn(part?.text, this.given.language) || t(`kind.${this.state.kind(key) ?? "question"}`);
  }

  version(title, value, act, label) {
    return make("div", {}, make("strong", {}, title), value ? make("pre", { tabindex: 0 }, readable(value)) : make("p", {}, t(title === t("yours") ? "you.removed" : "they.removed")),
      make("button", { type: "button", class: "btn btn-plain", onclick: act }, label));
  }

  // Pieces that all parts use

  group(name, label, ...inside) {
    return make("fieldset", { class: "b-group", "data-group": name }, make("legend", {}, label), ...inside);
  }

  words(field, label, { rows = 2, help = null, optional = false, of = this.part, write = null, place = field, usual = {} } = {}) {
    const value = texts(of[field], this.languages);
    const put = (language, typed) => {
      const next = { ...texts(of[field], this.languages), [language]: typed };
      if (!typed.trim()) delete next[language];
      const empty = optional && Object.keys(next).length === 0;
      of = { ...of, [field]: empty ? undefined : next };
      if (write) write(empty ? undefined : next, `${place}.${language}`);
      else this.set(field, empty ? undefined : next, `${place}.${language}`);
    };
    const fields = this.languages.map((language) => {
      const id = fresh("f");
      const input = make(rows > 1 ? "textarea" : "input", {
        id, class: "form-control", rows: rows > 1 ? rows : null, lang: language, maxlength: 5000, value: value[language] ?? "", placeholder: usual[language] ?? null,
        "data-place": `${place}.${language}`, oninput: (event) => put(language, event.target.value),
      });
      return make("div", {}, make("label", { for: id, class: "small muted" }, this.languages.length > 1 ? this.given.names[language] ?? language : t("text")), input);
    });
    return this.group(place, label, make("div", { class: "b-texts" }, fields), help && make("p", { class: "help small muted" }, help));
  }

  check(field, label, { of = this.part, on = true, usual = false } = {}) {
    const id = fresh("f");
    return make("div", { class: "form-check", "data-group": field }, make("input", {
      id, type: "checkbox", class: "form-check-input", checked: of[field] ?? usual, "data-place": field,
      onchange: (event) => {
        this.set(field, event.target.checked === usual ? undefined : event.target.checked ? on : false);
        this.draw();
      },
    }), make("label", { for: id }, label));
  }

  line(field, label, { of = this.part, type = "text", read = (value) => value, write = (value) => value, help = null, ...more } = {}) {
    const id = fresh("f");
    return make("div", { class: "field", "data-group": field }, make("label", { for: id }, label), make("input", {
      id, type, class: type === "range" ? null : "form-control", value: read(of[field] ?? ""), "data-place": field, ...more,
      oninput: (event) => this.set(field, event.target.value.trim() === "" ? undefined : write(event.target.value)),
    }), help && make("div", { class: "help" }, help));
  }

  choose(field, label, options, { of = this.part, usual = options[0][0], act = null } = {}) {
    const id = fresh("f");
    return make("div", { class: "field", "data-group": field }, make("label", { for: id }, label), make("select", {
      id, class: "form-select", "data-place": field, onchange: (event) => (act ?? ((value) => this.set(field, value === usual ? undefined : value)))(event.target.value),
    }, options.map(([value, text]) => make("option", { value, selected: value === (of[field] ?? usual) }, text))));
  }

  number(field, label, more = {}) {
    return this.line(field, label, { inputmode: "decimal", write: (text) => (Number.isFinite(Number(text.replace(",", "."))) ? Number(text.replace(",", ".")) : text), ...more });
  }

  condition(field, label, questions) {
    const fields = fieldsFor(questions, this.given.language, textIn, ATTRIBUTES.map((path) => [path, t(`field.${path}`)]));
    const form = new ConditionForm({ tree: this.part[field], fields, label, sentence: this.state.told.sentences[this.state.selected], change: (tree) => this.set(field, tree, `${field}.tree`) });
    return this.group(field, label, form.root);
  }

  // The questions that stand before a part.
  before(key) {
    const found = [];
    for (const [page, questions] of this.state.now.pages) {
      if (page === key) break;
      for (const question of questions) {
        if (question === key) return found;
        found.push(this.state.part(question));
      }
    }
    return found;
  }

  through(page) {
    const all = this.state.now.pages;
    return all.slice(0, all.findIndex(([known]) => known === page) + 1).flatMap(([, questions]) => questions.map((key) => this.state.part(key)));
  }

  foot() {
    const key = this.state.selected;
    return make("div", { class: "b-actions" },
      button([icon("plus"), t("add.after")], () => this.root.dispatchEvent(new CustomEvent("add", { detail: key }))),
      button(t("copy"), () => this.root.dispatchEvent(new CustomEvent("copy", { detail: key }))),
      button(t("remove"), () => this.root.dispatchEvent(new CustomEvent("remove", { detail: key })), { class: "btn btn-bad btn-small" }));
  }

  title(text) {
    return make("h2", { class: "b-title", tabindex: -1 }, text);
  }

  // Parts

  head(part) {
    const spoken = this.languages;
    const languages = this.group("languages", t("languages"), spoken.map((code, n) => make("div", { class: "b-line" }, make("span", {}, `${this.given.names[code] ?? code}${n === 0 ? ` · ${t("fallback")}` : ""}`),
      n > 0 && button(t("make.first"), () => this.languagesSet([code, ...spoken.filter((one) => one !== code)])),
      spoken.length > 1 && button(icon("remove"), () => this.languagesSet(spoken.filter((one) => one !== code)), { class: "b-tool", "aria-label": t("remove.what", { what: this.given.names[code] ?? code }) }))), this.another());
    return [this.title(t("part.head")), this.line("name", t("name"), { maxlength: 200, read: (value) => textIn(value, this.given.language) }), languages, this.check("progress", t("progress"), { usual: true }), this.check("back", t("back.button"), { usual: true }), this.check("anonymous", t("anonymous")), this.readers(), this.quotas(part)];
  }

  readers() {
    const named = this.part.sensitive ?? [];
    return this.group("sensitive", t("sensitive"), this.given.roles.map((role) => {
      const id = fresh("f");
      return make("div", { class: "form-check" }, make("input", {
        id, type: "checkbox", class: "form-check-input", checked: named.includes(role), "data-place": `sensitive.${role}`,
        onchange: (event) => {
          const next = this.given.roles.filter((one) => (one === role ? event.target.checked : (this.part.sensitive ?? []).includes(one)));
          this.set("sensitive", next.length ? next : undefined);
        },
      }), make("label", { for: id }, t(`role.${role}`)));
    }), make("p", { class: "help small muted" }, t("sensitive.help")));
  }

  // So many whole answers of a kind: a name, whom it counts, and the most.
  quotas(part) {
    const quotas = part.quotas ?? [];
    const now = () => this.part.quotas ?? [];
    const put = (next) => {
      this.set("quotas", next.length ? next : undefined);
      this.draw();
    };
    const fields = fieldsFor(this.state.questions().map((key) => this.state.part(key)), this.given.language, textIn, ATTRIBUTES.map((path) => [path, t(`field.${path}`)]));
    const rows = quotas.map((quota, n) => {
      const change = (more, place) => this.set("quotas", now().map((one, at) => (at === n ? clean({ ...one, ...more }) : one)), `quotas.${n}.${place}`);
      const field = (name, label, more, write) => {
        const id = fresh("f");
        return make("div", { class: "field", "data-group": `quotas.${n}.${name}` }, make("label", { for: id }, label), make("input", {
          id, class: "form-control", value: quota[name] ?? "", "data-place": `quotas.${n}.${name}`, ...more, oninput: (event) => change({ [name]: write(event.target.value.trim()) }, name),
        }));
      };
      const form = new ConditionForm({ tree: quota.if, fields, label: t("quota.if"), sentence: this.state.told.sentences[`head.quotas.${n}`], change: (tree) => change({ if: tree }, "if") });
      return make("div", { class: "b-jump", role: "group", "aria-label": t("quota.n", { n: n + 1 }), "data-group": `quotas.${n}` },
        field("name", t("name"), { maxlength: 64 }, (typed) => typed),
        this.group(`quotas.${n}.if`, t("quota.if"), form.root),
        field("max", t("quota.max"), { inputmode: "numeric", maxlength: 8 }, (typed) => (/^\d+$/.test(typed) ? Number(typed) : typed)),
        button(t("remove"), () => put(now().filter((_, at) => at !== n)), { "aria-label": t("remove.what", { what: quota.name || t("quota.n", { n: n + 1 }) }) }));
    });
    return this.group("quotas", t("quotas"), rows, button([icon("plus"), t("quota.add")], () => {
      const used = new Set(now().map((one) => one.name));
      let at = now().length + 1;
      while (used.has(t("quota.n", { n: at }))) at += 1;
      put([...now(), { name: t("quota.n", { n: at }), max: 100 }]);
      this.body.querySelector(`[data-place="quotas.${now().length - 1}.name"]`)?.focus();
    }), make("p", { class: "help small muted" }, t("quotas.help")));
  }

  languagesSet(languages) {
    this.set("languages", languages);
    this.draw();
  }

  another() {
    const id = fresh("f");
    const input = make("input", { id, class: "form-control short", list: "b-languages", maxlength: 20, placeholder: "de" });
    return make("div", { class: "inline-fields" }, make("label", { for: id, class: "small muted" }, t("another.language")), input, button(t("add"), () => {
      const code = input.value.trim();
      if (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(code) && !this.languages.includes(code)) this.languagesSet([...this.languages, code]);
    }));
  }

  message() {
    return [this.title(t("part.message")), make("p", { class: "small muted" }, t("message.help")),
      ...MESSAGE.map((field) => this.words(field, t(`message.${field}`), { rows: field === "subject" || field === "preview" || ["sender", "reply_to", "reminder"].includes(field) ? 1 : 2, optional: true, usual: this.given.usual[field] }))];
  }

  theme(part) {
    const id = fresh("f");
    const said = make("p", { class: "small", role: "status" });
    const tell = (colour) => {
      said.textContent = colour ? t(`colour.${readability(colour)}`) : t("colour.company");
    };
    const pick = make("input", { type: "color", class: "b-colour", "aria-label": t("colour.pick"), value: known(part.colour) || this.given.colour || "#5b5bd6" });
    const typed = make("input", { id, class: "form-control short-colour", value: part.colour ?? "", placeholder: "#5b5bd6", maxlength: 7, "data-place": "colour" });
    const put = (value) => {
      this.set("colour", value || undefined, "colour.typed");
      tell(known(value));
    };
    pick.addEventListener("input", () => {
      typed.value = pick.value;
      put(pick.value);
    });
    typed.addEventListener("input", () => {
      if (known(typed.value)) pick.value = known(typed.value);
      put(typed.value.trim());
    });
    tell(known(part.colour));
    const colour = make("div", { class: "field", "data-group": "colour" }, make("label", { for: id }, t("theme.colour")), make("div", { class: "inline-fields" }, pick, typed, button(t("theme.company"), () => {
      this.set("colour", undefined);
      this.draw();
    })), said);
    return [this.title(t("part.theme")), make("p", { class: "small muted" }, t("theme.help")), colour,
      this.line("corner", t("theme.corner"), { type: "range", min: 0, max: 24, read: (value) => (value === "" ? 10 : value), write: Number }),
      this.choose("size", t("theme.size"), [["normal", t("size.normal")], ["small", t("size.small")], ["large", t("size.large")]]),
      this.words("next", t("theme.next"), { rows: 1, optional: true }), this.words("send", t("theme.send"), { rows: 1, optional: true })];
  }

  page(part) {
    const key = this.state.selected;
    const at = this.state.now.pages.findIndex(([page]) => page === key);
    return [this.title(t("page.n", { n: at + 1 })),
      at === 0 ? null : this.condition("show_if", t("page.show_if"), this.before(key)),
      this.choose("for", t("page.for"), [["everybody", t("for.everybody")], ["known", t("for.known")], ["anonymous", t("for.anonymous")]]),
      this.jumps(part, at), this.foot()];
  }

  jumps(part, at) {
    const jumps = part.jumps ?? [];
    const later = this.state.now.pages.slice(at + 1);
    const put = (next) => {
      this.set("jumps", next.length ? next : undefined);
      this.draw();
    };
    const fields = fieldsFor(this.through(this.state.selected), this.given.language, textIn, []);
    const rows = jumps.map((jump, n) => {
      const change = (more, again = true) => {
        const next = (this.part.jumps ?? []).map((one, place) => (place === n ? clean({ ...one, ...more }) : one));
        if (again) put(next);
        else this.set("jumps", next, `jumps.${n}`);
      };
      const form = new ConditionForm({ tree: jump.if, fields, label: t("jump.if"), sentence: "", change: (tree) => change({ if: tree }, false) });
      const to = make("select", { class: "form-select", "aria-label": t("jump.to"), onchange: (event) => change({ to: this.named(event.target.value) }) },
        [...later.map(([page], number) => make("option", { value: page, selected: this.state.part(page).id !== undefined && this.state.part(page).id === jump.to }, t("page.n", { n: at + number + 2 }))),
          make("option", { value: "end", selected: jump.to === "end" }, t("jump.end"))]);
      return make("div", { class: "b-jump", "data-group": `jumps.${n}` }, form.root, make("label", { class: "b-line" }, t("jump.to"), to), button(t("remove"), () => put(jumps.filter((_, place) => place !== n))));
    });
    return this.group("jumps", t("jumps"), rows, button([icon("plus"), t("jump.add")], () => put([...jumps, { to: "end" }])), make("p", { class: "small muted" }, t("jump.help")));
  }

  // The id of a page, which it is given when something wants to lead there.
  named(key) {
    if (key === "end") return key;
    const part = this.state.part(key);
    if (part.id) return part.id;
    const taken = new Set(this.state.now.pages.map(([page]) => this.state.part(page).id));
    let n = 1;
    while (taken.has(`page-${n}`)) n += 1;
    this.state.edit([{ verb: "set", key, value: { id: `page-${n}`, ...part } }]);
    return `page-${n}`;
  }

  question(part) {
    const rules = this.given.types[part.type] ?? { may: [], looks: [] };
    const may = (field) => rules.may.includes(field);
    const types = Object.keys(this.given.types).map((type) => [type, t(`type.${type}`)]);
    return [this.title(t("kind.question")),
      this.choose("type", t("type"), types, { usual: null, act: (type) => this.retype(type) }),
      this.words("text", part.type === "statement" ? t("statement.text") : t("question.text")),
      may("options") && this.options("options", part.type === "matrix" ? t("columns") : t("answers")),
      may("rows") && this.options("rows", t("rows")),
      may("other") && this.other(part),
      part.type !== "statement" && this.check("required", t("required")),
      may("several") && this.check("several", t("several")),
      may("mixed") && this.check("mixed", t("mixed")),
      may("long") && this.check("long", t("long")),
      may("whole") && this.check("whole", t("whole")),
      rules.looks.length > 0 && this.choose("look", t("look"), rules.looks.map((look) => [look, t(`look.${look}`)])),
      (may("low") || may("min") || may("max")) && make("details", { class: "b-more", open: this.open("bounds") }, make("summary", {}, t("more.scale")),
        may("low") && this.words("low", t("low"), { rows: 1, optional: true }), may("high") && this.words("high", t("high"), { rows: 1, optional: true }),
        part.type === "date" ? [this.line("min", t("min.date"), { placeholder: "2026-12-31" }), this.line("max", t("max.date"), { placeholder: "today" })]
          : [may("min") && this.number("min", t(`min.${bound(part.type)}`)), may("max") && this.number("max", t(`max.${bound(part.type)}`))],
        may("step") && this.number("step", t("step")), may("unit") && this.words("unit", t("unit"), { rows: 1, optional: true })),
      this.condition("show_if", t("show_if"), this.before(this.state.selected)),
      make("details", { class: "b-more", open: Boolean(part.help) }, make("summary", {}, t("more")),
        part.type !== "statement" && this.words("help", t("help"), { optional: true }),
        this.line("id", t("id"), { maxlength: 64, help: t("id.help"), spellcheck: "false" })),
      this.foot()];
  }

  open() {
    return ["min", "max", "low", "high", "step", "unit"].some((field) => this.part[field] !== undefined);
  }

  // Another type keeps what it can have.
  retype(type) {
    const rules = this.given.types[type];
    const part = Object.fromEntries(Object.entries({ ...this.part, type }).filter(([field]) => WITHOUT_SOME.includes(field) || rules.may.includes(field)));
    if (type === "statement") delete part.required;
    if (!rules.looks.includes(part.look)) delete part.look;
    for (const field of ["min", "max"]) if (bound(type) !== bound(this.part.type)) delete part[field];
    for (const field of ["options", "rows"]) if (rules.must.includes(field) && !part[field]) part[field] = this.given.blank(field);
    this.state.edit([{ verb: "set", key: this.state.selected, value: part }]);
  }

  other(part) {
    const on = part.other !== undefined && part.other !== false;
    const id = fresh("f");
    return [make("div", { class: "form-check" }, make("input", { id, type: "checkbox", class: "form-check-input", checked: on, onchange: (event) => {
      this.set("other", event.target.checked ? true : undefined);
      this.draw();
    } }), make("label", { for: id }, t("other.allow"))), on && this.words("other", t("other.text"), { rows: 1, of: typeof part.other === "object" || typeof part.other === "string" ? part : { other: {} }, write: (value, place) => this.set("other", Object.keys(value ?? {}).length ? value : true, place) })];
  }

  options(field, label) {
    const list = (this.part[field] ?? []).map((one) => (typeof one === "string" ? { value: one, text: { [this.languages[0]]: one } } : one));
    const put = (next, place = null) => {
      this.set(field, next, place ?? field);
      if (!place) this.draw();
    };
    const now = () => (this.part[field] ?? []).map((one) => (typeof one === "string" ? { value: one, text: { [this.languages[0]]: one } } : one));
    const rows = list.map((option, n) => {
      const change = (more, place) => put(now().map((one, at) => (at === n ? clean({ ...one, ...more }) : one)), place);
      const inputs = this.languages.map((language) => make("input", {
        class: "form-control", lang: language, maxlength: 5000, value: texts(option.text, this.languages)[language] ?? "", placeholder: this.given.names[language] ?? language,
        "aria-label": t("option.label", { n: n + 1, language: this.given.names[language] ?? language }), "data-place": `${field}.${n}.${language}`,
        oninput: (event) => {
          const text = { ...texts(now()[n].text, this.languages), [language]: event.target.value };
          if (!event.target.value.trim()) delete text[language];
          change({ text }, `${field}.${n}.${language}`);
        },
        onkeydown: (event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          const next = now();
          put([...next.slice(0, n + 1), this.given.option(next), ...next.slice(n + 1)]);
          this.body.querySelector(`[data-place="${field}.${n + 1}.${language}"]`)?.focus();
        },
      }));
      const swap = (by) => {
        const next = now();
        [next[n], next[n + by]] = [next[n + by], next[n]];
        put(next);
      };
      const code = make("input", { class: "form-control b-value", maxlength: 200, value: option.value, "aria-label": t("option.value", { n: n + 1 }), oninput: (event) => change({ value: event.target.value }, `${field}.${n}.value`) });
      const fixed = this.part.mixed && make("label", { class: "small b-line" }, make("input", { type: "checkbox", class: "form-check-input", checked: option.fixed, onchange: (event) => change({ fixed: event.target.checked || undefined }) }), t("option.fixed"));
      const picture = this.part.type === "image_choice" && field === "options" && this.picture(option, n, (name) => change({ picture: name }));
      return make("li", { class: "b-option", "data-group": `${field}.${n}` }, make("div", { class: "b-texts" }, inputs), make("div", { class: "b-option-tools" },
        picture, code, fixed,
        button(icon("up"), () => swap(-1), { class: "b-tool", "aria-label": t("move.up"), disabled: n === 0 }),
        button(icon("down"), () => swap(1), { class: "b-tool", "aria-label": t("move.down"), disabled: n === list.length - 1 }),
        button(icon("remove"), () => put(now().filter((_, at) => at !== n)), { class: "b-tool", "aria-label": t("option.remove", { n: n + 1 }) })));
    });
    return this.group(field, label, make("ol", { class: "b-options" }, rows), button([icon("plus"), t("option.add")], () => {
      const next = now();
      put([...next, this.given.option(next)]);
      this.body.querySelector(`[data-place="${field}.${next.length}.${this.given.language}"]`)?.focus();
    }), make("p", { class: "small muted" }, t("option.help")));
  }

  // A picture, and the way to another.
  picture(option, n, put) {
    const fault = make("span", { class: "fault", role: "alert" });
    const input = make("input", { type: "file", class: "form-control b-file", accept: "image/png,image/jpeg,image/webp", "aria-label": t("option.picture", { n: n + 1 }), onchange: async () => {
      const body = new FormData();
      body.append("picture", input.files[0]);
      const response = await fetch(this.given.pictures, { method: "POST", headers: { "X-CSRFToken": this.given.token }, body }).catch(() => null);
      const answer = response?.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
      if (response?.ok && answer.name) put(answer.name);
      else fault.textContent = answer.message ?? t("option.away");
    } });
    return make("span", { class: "b-picture" }, option.picture && make("img", { src: `/i/${option.picture}`, alt: "", width: 64, height: 48 }), input, fault);
  }

  ending(part) {
    const bonuses = [["", t("none")], ...this.given.bonuses.map((slug) => [slug, slug])];
    const link = part.link ?? {};
    const put = (more, place) => {
      const next = clean({ ...(this.part.link ?? {}), ...more });
      this.set("link", Object.keys(next).length ? next : undefined, place);
    };
    const id = fresh("f");
    return [this.title(t("kind.ending")), this.words("text", t("ending.text")),
      this.condition("if", t("ending.if"), this.state.questions().map((key) => this.state.part(key))),
      this.choose("offer", t("ending.offer"), bonuses, { usual: "" }),
      this.check("call", t("ending.call")),
      make("details", { class: "b-more", open: Boolean(part.link || part.redirect) }, make("summary", {}, t("ending.links")),
        this.group("link", t("ending.link"), make("label", { for: id, class: "small muted" }, t("address")), make("input", { id, class: "form-control", type: "url", value: link.url ?? "", maxlength: 2000, placeholder: "https://", oninput: (event) => put({ url: event.target.value.trim() || undefined }, "link.url") }),
          this.words("text", t("ending.link.text"), { rows: 1, optional: true, of: link, place: "link.text", write: (value, place) => put({ text: value }, place) })),
        this.line("redirect", t("ending.redirect"), { type: "url", maxlength: 2000, placeholder: "https://" })), this.foot()];
  }
}

const clean = (value) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

const bound = (type) => ({ multiple: "chosen", image_choice: "chosen", ranking: "chosen", text: "length", date: "date" })[type] ?? "number";

// A part as its editors can compare it: every text and setting on a line of its own.
export const readable = (value, before = "") =>
  Object.entries(value).flatMap(([name, inner]) => {
    const path = before ? `${before} ${name}` : name;
    return inner && typeof inner === "object" && !Array.isArray(inner) ? [readable(inner, path)] : [`${path}: ${typeof inner === "object" ? JSON.stringify(inner) : inner}`];
  }).join("\n");

const known = (value) => {
  const clean = (value ?? "").trim().toLowerCase();
  return /^#[0-9a-f]{6}$/.test(clean) ? clean : "";
};

const luminance = (hex) => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (one, other) => {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
};

// Where a button of this colour is worn, as app/text/colours.py has it.
export const readability = (colour) => {
  const words = Math.max(contrast(colour, "#ffffff"), contrast(colour, "#0f1220")) >= 4.5;
  const [light, dark] = ["#ffffff", "#171b2d"].map((card) => words && contrast(colour, card) >= 3);
  return light && dark ? "both" : light ? "light" : dark ? "dark" : "none";
};

