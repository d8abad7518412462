// The survey as it stands on this screen, what the server has of it, and the way back.
import { copy, difference, kindOf, pageOf, replay, same } from "./outline-diff.js";

const STEPS_MAX = 100;
const TYPING = 1500; // typing in one field within that time is one step back

export class State extends EventTarget {
  constructor(given) {
    super();
    this.now = copy(given);
    this.base = this.now;
    this.revision = given.revision;
    this.marks = given.marks;
    this.told = given; // faults, warnings, sentences, seconds: what the server says of it
    this.held = new Map(); // parts that somebody else changed too, until one is chosen
    this.selected = null;
    this.past = [];
    this.future = [];
    this.lastEdit = { place: "", at: 0 };
  }

  announce(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  part(key) {
    return this.now.parts[key];
  }

  kind(key) {
    return kindOf(this.now, key);
  }

  page(key) {
    return pageOf(this.now, key);
  }

  questions() {
    return this.now.pages.flatMap(([, questions]) => questions);
  }

  select(key, place = null) {
    this.selected = key in this.now.parts ? key : "head";
    this.announce("select", { key: this.selected, place });
  }

  // Change something; `place` names the field, so that typing in it is one step.
  edit(changes, place = "") {
    const next = replay(this.now, changes);
    const at = Date.now();
    const typing = place && place === this.lastEdit.place && at - this.lastEdit.at < TYPING;
    if (!typing) this.past = [...this.past, this.now].slice(-STEPS_MAX);
    this.lastEdit = { place, at };
    this.future = [];
    this.now = next;
    if (!(this.selected in next.parts)) this.selected = "head";
    this.announce("change", { keys: changes.map((change) => change.key), typing: Boolean(place) });
  }

  set(key, field, value, place = field) {
    const part = { ...this.part(key) };
    if (value === undefined) delete part[field];
    else part[field] = value;
    this.edit([{ verb: "set", key, value: part }], `${key}.${place}`);
  }

  step(from, to) {
    if (!this[from].length) return;
    this[to] = [...this[to], this.now];
    this.now = this[from].at(-1);
    this[from] = this[from].slice(0, -1);
    this.lastEdit = { place: "", at: 0 };
    if (!(this.selected in this.now.parts)) this.selected = "head";
    this.announce("change", { keys: Object.keys(this.now.parts) });
    this.announce("select", { key: this.selected });
  }

  undo() {
    this.step("past", "future");
  }

  redo() {
    this.step("future", "past");
  }

  // What the server does not have yet; parts that wait for a choice stay here.
  changes() {
    return difference(this.base, this.now)
      .filter(({ key }) => !this.held.has(key))
      .map((change) => ({ ...change, seen: change.verb === "remove" ? this.revision : this.seen(change.key) }));
  }

  seen(key) {
    return this.marks[key]?.[0] ?? 0;
  }

  // Take in the server's answer to `sent`, which was made from the state `before`.
  take(answer, sent, before) {
    const conflicts = new Map(answer.conflicts.map((one) => [one.key, one]));
    const mine = new Set(sent.map((change) => change.key));
    const pending = difference(before, this.now);
    const waiting = new Set(pending.filter(({ verb }) => verb === "set").map(({ key }) => key));
    const parts = {};
    const keys = [...Object.keys(this.part_names()), ...answer.pages.flat(2), ...answer.endings];
    for (const key of keys) {
      if (key in answer.parts) parts[key] = answer.parts[key];
      else if (key in before.parts) parts[key] = mine.has(key) && !conflicts.has(key) ? before.parts[key] : this.base.parts[key] ?? before.parts[key];
    }
    const base = copy({ parts, pages: answer.pages, endings: answer.endings });
    const others = Object.keys(answer.parts).filter(
      (key) => (!mine.has(key) || conflicts.has(key)) && !same(answer.parts[key], this.base.parts[key]),
    );
    const moved = !same([before.pages, before.endings], [base.pages, base.endings]);
    const marks = { ...answer.marks };
    for (const key of others) if (waiting.has(key) && this.marks[key]) marks[key] = this.marks[key];
    if (others.length || moved) {
      const rebased = (state) => replay(base, difference(before, state));
      this.past = this.past.map(rebased);
      this.future = this.future.map(rebased);
    }
    for (const [key, conflict] of conflicts) {
      this.held.set(key, { ...conflict, mine: this.now.parts[key] ?? null, kind: this.kind(key), page: this.page(key) });
    }
    let now = others.length || moved || conflicts.size ? replay(base, pending) : this.now;
    for (const [key, { mine: kept }] of this.held) if (key in now.parts && kept) now.parts[key] = kept;
    this.base = base;
    this.now = now;
    this.marks = marks;
    this.revision = answer.revision;
    this.told = answer;
    if (!(this.selected in now.parts) && this.selected) this.selected = "head";
    this.announce("taken", { others: others.filter((key) => !waiting.has(key)), moved, conflicts: [...conflicts.keys()] });
  }

  part_names() {
    return { head: 1, message: 1, theme: 1 };
  }

  // One of two versions of a part was chosen: mine is saved over theirs, or theirs takes its place.
  choose(key, mine) {
    const conflict = this.held.get(key);
    this.held.delete(key);
    this.marks = { ...this.marks, [key]: [conflict.seen, "", ""] };
    if (mine) {
      if (key in this.now.parts) this.edit([{ verb: "set", key, value: conflict.mine }]);
      else this.edit([{ verb: "add", key, kind: conflict.kind ?? "question", page: conflict.page, after: "", value: conflict.mine }]);
    } else {
      if (conflict.theirs) this.now = replay(this.now, [{ verb: "set", key, value: conflict.theirs }]);
      this.announce("change", { keys: [key] });
    }
    this.announce("select", { key: key in this.now.parts ? key : "head" });
  }
}
