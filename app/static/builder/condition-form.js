// A condition as a sentence of choices. What is more than a few comparisons is shown, and written as text.
//
// Used wherever a tree {field, op, value} under all or any is edited; `fields` are what can be looked at:
// [{path, label, kind: number | choice | words, options: [[value, label]], seen: values to offer}].
import { button, fresh, icon, make, t } from "./dom.js";

const NUMBER = ["lte", "gte", "eq", "ne", "lt", "gt", "between"];
const CHOICE = ["eq", "ne", "in", "not_in"];
const WORDS = ["eq", "ne", "contains", "starts_with", "ends_with"];
const SILENT = ["exists", "missing"];
const SEVERAL = ["in", "not_in", "between"];
const OPERATORS = { number: [...NUMBER, ...SILENT], choice: [...CHOICE, ...SILENT], list: ["contains", ...SILENT], words: [...WORDS, ...NUMBER.slice(0, 2), ...SILENT] };

// [joint, rows] of a plain tree; null where it is more than that.
export const plain = (tree, fields) => {
  if (!tree) return ["all", []];
  const joint = ["all", "any"].find((key) => Array.isArray(tree[key]) && Object.keys(tree).length === 1);
  const rows = joint ? tree[joint] : [tree];
  const known = new Set(fields.map(({ path }) => path));
  const fine = rows.every((row) => row && typeof row.field === "string" && known.has(row.field) && typeof row.op === "string"
    && !(typeof row.value === "object" && !Array.isArray(row.value)) && operators(fields, row.field).includes(row.op));
  return fine ? [joint ?? "all", rows] : null;
};

const operators = (fields, path) => OPERATORS[fields.find((one) => one.path === path)?.kind ?? "words"];

export const together = (joint, rows) => (rows.length === 0 ? undefined : rows.length === 1 ? rows[0] : { [joint]: rows });

const constant = (text, kind) => {
  const said = text.trim();
  if (/^".*"$/.test(said)) return said.slice(1, -1);
  if (said === "true" || said === "false") return said === "true";
  return kind !== "choice" && /^-?\d{1,15}([.,]\d{1,9})?$/.test(said) ? Number(said.replace(",", ".")) : said;
};

export class ConditionForm {
  constructor({ tree, fields, sentence, change, label }) {
    Object.assign(this, { tree, fields, sentence, change, label });
    this.root = make("div", { class: "b-condition", role: "group", "aria-label": label });
    this.draw();
  }

  tell(tree) {
    this.tree = tree;
    this.change(tree);
  }

  draw() {
    const found = plain(this.tree, this.fields);
    const parts = found ? this.sentenceOf(...found) : [make("p", { class: "small" }, this.sentence || t("condition.complex"))];
    this.root.replaceChildren(...parts, this.asText(!found));
  }

  // The comparisons as they are now: a value that is typed redraws nothing.
  now() {
    return plain(this.tree, this.fields)?.[1] ?? [];
  }

  sentenceOf(joint, rows) {
    const lines = rows.map((row, n) => this.row(row, n, joint));
    const add = button([icon("plus"), t(rows.length ? "condition.more" : "condition.first")], () => {
      const field = this.fields.at(-1) && this.fields.find((one) => one.path.startsWith("answers.") && one.last) || this.fields[0];
      this.tell(together(joint, [...this.now(), this.blank(field)]));
      this.draw();
      this.root.querySelectorAll("select")[0]?.focus();
    });
    return [...lines, this.fields.length ? add : make("p", { class: "small muted" }, t("condition.nothing"))];
  }

  blank(field) {
    const op = OPERATORS[field.kind][0];
    const value = field.kind === "number" ? 0 : field.options?.[0]?.[0] ?? "";
    return { field: field.path, op, value };
  }

  row(row, n, joint) {
    const field = this.fields.find((one) => one.path === row.field);
    const put = (change, again = true) => {
      const next = this.now().map((one, at) => (at === n ? { ...one, ...change } : one));
      if ("value" in change && change.value === undefined) delete next[n].value;
      this.tell(together(joint, next));
      row = next[n];
      if (again) {
        this.draw();
        this.root.querySelectorAll(".b-row")[n]?.querySelector(change.field ? "select" : "select ~ select")?.focus();
      }
    };
    const what = make("select", { class: "form-select b-what", "aria-label": t("condition.what"), onchange: (e) => {
      const next = this.fields.find((one) => one.path === e.target.value);
      put(next.kind === field?.kind && !next.options ? { field: next.path } : this.blank(next));
    } }, this.fields.map((one) => make("option", { value: one.path, selected: one.path === row.field }, one.label)));
    const how = make("select", { class: "form-select", "aria-label": t("condition.how"), onchange: (e) => put(this.fitted(row, e.target.value, field)) },
      operators(this.fields, row.field).map((op) => make("option", { value: op, selected: op === row.op }, t(`op.${op}`))));
    const gone = button(icon("remove"), () => {
      this.tell(together(joint, this.now().filter((_, at) => at !== n)));
      this.draw();
    }, { class: "b-tool", "aria-label": t("condition.remove") });
    const first = n === 0 ? null : n === 1 ? make("select", { class: "form-select b-joint", "aria-label": t("condition.joint"), onchange: (e) => {
      this.tell(together(e.target.value, this.now()));
      this.draw();
    } }, ["all", "any"].map((one) => make("option", { value: one, selected: one === joint }, t(`joint.${one}`)))) : make("span", { class: "b-joint" }, t(`joint.${joint}`));
    return make("div", { class: "b-row" }, first, what, how, ...[].concat(this.value(row, field, put)), gone);
  }

  fitted(row, op, field) {
    if (SILENT.includes(op)) return { op, value: undefined };
    const old = row.value ?? (field.kind === "number" ? 0 : field.options?.[0]?.[0] ?? "");
    if (op === "between") return { op, value: Array.isArray(old) && old.length === 2 ? old : [0, Number(Array.isArray(old) ? old[0] : old) || 0] };
    if (SEVERAL.includes(op)) return { op, value: Array.isArray(old) ? old : [old] };
    return { op, value: Array.isArray(old) ? old[0] : old };
  }

  value(row, field, put) {
    if (SILENT.includes(row.op)) return null;
    const label = t("condition.value");
    if (field?.options && !SEVERAL.includes(row.op)) {
      return make("select", { class: "form-select", "aria-label": label, onchange: (e) => put({ value: field.options[e.target.selectedIndex][0] }, false) },
        field.options.map(([value, text]) => make("option", { selected: value === row.value }, text)));
    }
    if (field?.options) {
      const chosen = new Set([].concat(row.value));
      return make("span", { class: "b-checks" }, field.options.map(([value, text]) => make("label", {}, make("input", {
        type: "checkbox", class: "form-check-input", checked: chosen.has(value), onchange: (e) => {
          if (e.target.checked) chosen.add(value);
          else chosen.delete(value);
          put({ value: field.options.map(([one]) => one).filter((one) => chosen.has(one)) }, false);
        },
      }), text)));
    }
    const written = [].concat(row.value ?? "").join(", ");
    const seen = field?.seen?.length && !SEVERAL.includes(row.op) ? make("datalist", { id: fresh("seen") }, field.seen.map((value) => make("option", { value }))) : null;
    const input = make("input", { class: "form-control", list: seen?.id ?? null, value: written, "aria-label": label, maxlength: 2000, inputmode: field?.kind === "number" ? "decimal" : null, oninput: (e) => {
      const typed = e.target.value;
      put({ value: SEVERAL.includes(row.op) ? typed.split(/\s*[,;]\s*/).filter(Boolean).map((one) => constant(one, field?.kind)) : constant(typed, field?.kind) }, false);
    } });
    return seen ? [input, seen] : input;
  }

  asText(open) {
    const id = fresh("tree");
    const fault = make("p", { class: "fault", hidden: true });
    const area = make("textarea", { id, class: "form-control b-code", rows: 4, spellcheck: "false", value: this.tree ? JSON.stringify(this.tree, null, 1) : "", onchange: (e) => {
      const typed = e.target.value.trim();
      try {
        const tree = typed ? JSON.parse(typed) : undefined;
        fault.hidden = true;
        this.tell(tree);
        this.draw();
      } catch {
        fault.textContent = t("condition.broken");
        fault.hidden = false;
      }
    } });
    return make("details", { class: "b-more", open }, make("summary", { class: "small" }, t("condition.text")), make("label", { class: "visually-hidden", for: id }, t("condition.text")), area, fault);
  }
}

// What a condition may look at: answers above a place, and what is known of the customer.
export const fieldsFor = (questions, language, textIn, attributes) => {
  const found = questions.filter(({ type }) => type !== "statement" && type !== "matrix").map((question) => {
    const label = t("answer.to", { question: short(textIn(question.text, language)) || question.id });
    const path = `answers.${question.id}`;
    if (["nps", "csat", "ces", "rating", "slider", "number"].includes(question.type)) return { path, label, kind: "number" };
    if (question.type === "yes_no") return { path, label, kind: "choice", options: [[true, t("yes")], [false, t("no")]] };
    if (question.type === "consent") return { path, label, kind: "choice", options: [[true, t("yes")]] };
    if (question.options) {
      const options = question.options.map((one) => (typeof one === "string" ? [one, one] : [one.value, short(textIn(one.text, language)) || one.value]));
      if (question.other) options.push(["other", t("other")]);
      const several = question.type === "multiple" || question.several || question.type === "ranking";
      return { path, label, kind: several ? "list" : "choice", options };
    }
    return { path, label, kind: "words" };
  });
  if (found.length) found.at(-1).last = true;
  return [...found, ...attributes.map(([path, label]) => ({ path, label, kind: "words" }))];
};

const short = (text) => (text.length > 48 ? `${text.slice(0, 47)}…` : text);
