// A survey in parts, as surveys/drafts.py keeps it: what changes between two states, and doing changes again on another.
//
// A state is {parts: {key: value}, pages: [[key, [question keys]]], endings: [key]}; states are never changed in place.

export const copy = ({ parts, pages, endings }) => ({
  parts: { ...parts },
  pages: pages.map(([page, questions]) => [page, [...questions]]),
  endings: [...endings],
});

export const same = (one, other) => {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [Object.keys(one), Object.keys(other)];
  return left.length === right.length && left.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]));
};

export const pageOf = (state, key) => state.pages.find(([, questions]) => questions.includes(key))?.[0] ?? null;

export const kindOf = (state, key) => {
  if (state.endings.includes(key)) return "ending";
  if (state.pages.some(([page]) => page === key)) return "page";
  return pageOf(state, key) ? "question" : null;
};

const behind = (keys, after) => {
  if (after === null || after === undefined) return 0;
  return keys.includes(after) ? keys.indexOf(after) + 1 : keys.length;
};

const stand = (state, { key, kind, page, after }) => {
  if (kind === "page") {
    const questions = state.pages.find(([known]) => known === key)?.[1] ?? [];
    state.pages = state.pages.filter(([known]) => known !== key);
    state.pages.splice(behind(state.pages.map(([known]) => known), after), 0, [key, questions]);
  } else if (kind === "ending") {
    state.endings = state.endings.filter((known) => known !== key);
    state.endings.splice(behind(state.endings, after), 0, key);
  } else {
    for (const entry of state.pages) entry[1] = entry[1].filter((known) => known !== key);
    const home = (state.pages.find(([known]) => known === page) ?? state.pages.at(-1))?.[1];
    home?.splice(behind(home, after), 0, key);
  }
};

const DO = {
  set: (state, { key, value }) => {
    if (key in state.parts) state.parts[key] = value;
  },
  add: (state, change) => {
    if (change.key in state.parts) return;
    state.parts[change.key] = change.value;
    stand(state, change);
  },
  move: (state, change) => {
    const kind = kindOf(state, change.key);
    if (kind) stand(state, { ...change, kind });
  },
  remove: (state, { key }) => {
    const inside = state.pages.find(([page]) => page === key)?.[1] ?? [];
    for (const gone of [key, ...inside]) delete state.parts[gone];
    state.pages = state.pages.filter(([page]) => page !== key);
    for (const entry of state.pages) entry[1] = entry[1].filter((known) => known !== key);
    state.endings = state.endings.filter((known) => known !== key);
  },
};

// The state after these changes.
export const replay = (state, changes) => {
  const next = copy(state);
  for (const change of changes) DO[change.verb](next, change);
  return next;
};

// What brings the keys of a list into another order, and new ones into it.
const ordering = (from, to, known, make) => {
  const list = from.filter((key) => to.includes(key));
  const changes = [];
  for (let n = 0; n < to.length; ) {
    if (list[n] === to[n]) {
      n += 1;
      continue;
    }
    const early = list[n];
    const before = to[to.indexOf(early) - 1];
    if (early !== undefined && list[n + 1] === to[n] && list.includes(before)) {
      list.splice(n, 1);
      list.splice(list.indexOf(before) + 1, 0, early);
      changes.push(make("move", early, before));
      continue;
    }
    if (list.includes(to[n])) list.splice(list.indexOf(to[n]), 1);
    list.splice(n, 0, to[n]);
    changes.push(make(known(to[n]) ? "move" : "add", to[n], to[n - 1] ?? null));
    n += 1;
  }
  return changes;
};

// The changes that lead from one state to another.
export const difference = (from, to) => {
  const known = (key) => key in from.parts;
  const change = (kind, page) => (verb, key, after) =>
    verb === "add" ? { verb, key, kind, page, after, value: to.parts[key] } : { verb, key, kind, page, after };
  const changes = ordering(from.pages.map(([key]) => key), to.pages.map(([key]) => key), known, change("page", null));
  const homes = new Map(from.pages);
  for (const [page, questions] of to.pages) {
    changes.push(...ordering(homes.get(page) ?? [], questions, known, change("question", page)));
  }
  changes.push(...ordering(from.endings, to.endings, known, change("ending", null)));
  for (const key of Object.keys(to.parts)) {
    if (known(key) && !same(from.parts[key], to.parts[key])) changes.push({ verb: "set", key, value: to.parts[key] });
  }
  const gone = Object.keys(from.parts).filter((key) => !(key in to.parts));
  const pages = new Set(homes.keys());
  gone.sort((one, other) => pages.has(one) - pages.has(other));
  return [...changes, ...gone.map((key) => ({ verb: "remove", key }))];
};
