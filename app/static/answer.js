// The answer page, made quicker: it does everything without this too, and the server decides everything once more.
//
// Questions appear as they come to be asked, answers are kept while they are given, and a send that finds no connection
// waits for one. A page's words, and what it may decide by itself, stand in data-page (see app/respond/live.py).
import { holds } from "./conditions.js";

const WAITS = [2, 4, 8, 15, 30]; // seconds until the next try
const PATIENCE = 20_000;
const REST = 800; // what changes within so long is kept at once

const trimmed = (text) => text.trim();
// What cannot be seen goes, and a space that is not a common one becomes one.
const readable = (text) =>
  Array.from(text.replaceAll("\r\n", "\n"), (letter) => {
    if (/[\n\t \u200c\u200d]/.test(letter) || !/[\p{C}\p{Z}]/u.test(letter)) return letter;
    return /[\p{Z}\v\f\r\x1c-\x1f\x85]/u.test(letter) ? " " : "";
  })
    .join("")
    .trim();
const within = (rule, size) => size >= (rule.least ?? size) && size <= (rule.most ?? size);

const numberOf = (rule, text = "") => {
  if (!/^-?\d{1,16}(\.\d{1,9})?$/.test(text)) return undefined;
  const number = Number(text);
  const steps = rule.step ? (number - rule.least) / rule.step : 0;
  const fits = within(rule, number) && Math.abs(steps - Math.round(steps)) <= 1e-6;
  return fits && (Number.isInteger(number) || !rule.whole) ? number : undefined;
};

const rankingOf = (rule, given) => {
  const count = Math.min(rule.most || rule.options.length, rule.options.length);
  const places = rule.options.flatMap((value) => given(`${rule.id}.${value}`).slice(0, 1).map((n) => [Number(n), value]));
  places.sort(([one], [other]) => one - other);
  const whole = places.every(([place], at) => place === at + 1);
  return whole && places.length >= Math.min(rule.least || count, count) ? places.map(([, value]) => value) : undefined;
};

const matrixOf = (rule, given) => {
  const rows = rule.rows.map((row) => [row, given(`${rule.id}.${row}`)]).filter(([, chosen]) => chosen.length);
  if (rule.required && rows.length < rule.rows.length) return undefined;
  return Object.fromEntries(rows.map(([row, chosen]) => [row, rule.several ? chosen : chosen[0]]));
};

const textOf = (rule, given) => {
  const [words] = given(rule.id, readable);
  return words && within(rule, Array.from(words).length) ? words : undefined;
};

const several = (rule, given) => {
  const chosen = given(rule.id);
  return within(rule, chosen.length) ? chosen : undefined;
};
const like = (pattern, clean = (text) => text) => (rule, given) => {
  const text = clean(given(rule.id)[0] ?? "");
  return pattern.test(text) && text.length <= 320 ? text : undefined;
};
const number = (rule, given) => numberOf(rule, given(rule.id)[0]?.replace(/\s/g, ""));
const first = (rule, given) => given(rule.id)[0];

const READERS = {
  nps: number, csat: number, ces: number, rating: number, slider: number, number,
  multiple: several,
  image_choice: (rule, given) => (rule.several ? several : first)(rule, given),
  yes_no: (rule, given) => ({ yes: true, no: false })[first(rule, given)],
  consent: (rule, given) => first(rule, given) && true,
  matrix: matrixOf,
  ranking: rankingOf,
  text: textOf,
  date: (rule, given) => given(rule.id).find((day) => /^\d{4}-\d\d-\d\d$/.test(day) && within(rule, day)),
  email: like(/^[^\s@<>"(),:;[\]\\]{1,64}@[^\s@<>"(),:;[\]\\.]+(\.[^\s@<>"(),:;[\]\\.]+)+$/),
  phone: like(/^\+?\d{5,15}$/, (text) => text.replace(/[\s().\-\u2010-\u2015/]/g, "")),
  statement: () => undefined,
};

// The answers of a question as the server will read them; what it would refuse is none.
const answersOf = (rule, given) => {
  const answer = (READERS[rule.type] ?? first)(rule, given);
  if (answer === undefined || (typeof answer === "object" && !Object.keys(answer).length)) return {};
  if (!rule.other || ![answer].flat().includes("other")) return { [rule.id]: answer };
  const [words] = given(`${rule.id}_other`, readable);
  if (!words) return rule.required ? {} : { [rule.id]: answer };
  return { [rule.id]: answer, [`${rule.id}_other`]: words };
};

const fields = (root) => [...root.querySelectorAll("input,select,textarea")].filter((field) => field.name);

// Questions that depend on others of the page: shown, or neither shown nor sent.
const follow = (root, told) => {
  const parts = new Map([...root.querySelectorAll("fieldset[data-q]")].map((part) => [part.dataset.q, part]));
  const all = fields(root);
  const given = (name, clean = trimmed) =>
    all
      .filter((field) => field.name === name && (!/^(radio|checkbox)$/.test(field.type) || field.checked))
      .map((field) => clean(field.value))
      .filter(Boolean);
  return () => {
    const answers = {};
    for (const rule of told.rules) {
      const part = parts.get(rule.id);
      const shown = !rule.if || holds(rule.if, { tree: { answers }, at: told.at });
      part.hidden = part.disabled = !shown;
      if (shown) Object.assign(answers, answersOf(rule, given));
    }
  };
};

// A slider beside the number it sets; as long as nobody touched it there is no number.
const slide = (box) => {
  const number = box.querySelector("input");
  const slider = document.createElement("input");
  slider.type = "range";
  for (const name of ["min", "max", "step"]) slider.setAttribute(name, number.getAttribute(name));
  slider.value = ""; // in the middle
  slider.setAttribute("aria-labelledby", box.dataset.slider);
  const set = (from, to) => () => {
    if (from.value !== "" && to.value !== from.value) to.value = from.value;
  };
  const take = set(slider, number);
  set(number, slider)();
  number.addEventListener("input", set(number, slider));
  slider.addEventListener("input", take);
  slider.addEventListener("click", () => {
    if (number.value !== "") return;
    take();
    number.dispatchEvent(new Event("input", { bubbles: true }));
  });
  box.before(slider);
};

// Things to rank: pressed in their order, moved with the arrow keys, or dragged. The lists of places still hold the truth.
const rank = (list) => {
  const items = [...list.children];
  const selects = new Map(items.map((item) => [item, item.querySelector("select")]));
  const most = selects.get(items[0]).options.length - 1;
  const told = list.nextElementSibling;
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = list.dataset.hint;
  list.before(hint);
  list.classList.add("live");
  let placed = items
    .filter((item) => selects.get(item).value)
    .sort((one, other) => selects.get(one).value - selects.get(other).value);

  const draw = (moved) => {
    placed = placed.slice(0, most);
    for (const item of items) {
      const place = placed.indexOf(item) + 1;
      selects.get(item).value = place || "";
      item.querySelector("b").textContent = place || "–";
      item.classList.toggle("placed", place > 0);
    }
    const order = [...placed, ...items.filter((item) => !placed.includes(item))];
    if (order.some((item, at) => list.children[at] !== item)) list.append(...order);
    if (!moved) return;
    const place = placed.indexOf(moved) + 1;
    told.textContent = `${moved.querySelector("label").textContent}: ${place || "–"}`;
    selects.get(moved).dispatchEvent(new Event("change", { bubbles: true }));
  };
  const put = (item, at) => {
    placed = placed.filter((one) => one !== item);
    if (at !== null) placed.splice(at, 0, item);
    draw(item);
    item.querySelector("button").focus();
  };
  const drop = (item) => {
    const order = [...list.children];
    const before = order.slice(0, order.indexOf(item)).filter((one) => placed.includes(one));
    if (most < items.length) {
      put(item, before.length);
      return;
    }
    placed = order;
    draw(item);
  };
  const drag = (item, button) => (begin) => {
    let moving = false;
    const move = ({ clientY }) => {
      moving ||= Math.abs(clientY - begin.clientY) > 5;
      if (!moving) return;
      item.classList.add("moving");
      const after = [...list.children].find((one) => {
        const { top, height } = one.getBoundingClientRect();
        return one !== item && clientY < top + height / 2;
      });
      const order = [...list.children];
      const [here, there] = [order.indexOf(item), after ? order.indexOf(after) : order.length];
      // The others move: whoever is taken out of a page loses the pointer.
      if (there < here) item.after(...order.slice(there, here));
      else item.before(...order.slice(here + 1, there));
    };
    const end = (event) => {
      button.removeEventListener("pointermove", move);
      button.removeEventListener("pointerup", end);
      button.removeEventListener("pointercancel", end);
      item.classList.remove("moving");
      if (!moving) return;
      if (event.type === "pointerup") drop(item);
      else draw();
      button.dataset.dragged = "yes"; // the click that ends a drag is none
      setTimeout(() => delete button.dataset.dragged);
    };
    if (begin.button) return;
    button.setPointerCapture(begin.pointerId);
    button.addEventListener("pointermove", move);
    button.addEventListener("pointerup", end);
    button.addEventListener("pointercancel", end);
  };

  for (const item of items) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(document.createElement("b"), item.querySelector("label").textContent, document.createElement("i"));
    selects.get(item).hidden = item.querySelector("label").hidden = true;
    item.append(button);
    button.addEventListener("click", () => {
      if (!button.dataset.dragged) put(item, placed.includes(item) ? null : placed.length);
    });
    button.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = placed.includes(item) ? placed.indexOf(item) + step : placed.length;
      if (at < 0 || at > placed.length) return;
      put(item, at);
    });
    button.addEventListener("pointerdown", drag(item, button));
  }
  draw();
};

const pause = (seconds) =>
  new Promise((go) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      removeEventListener("click", done);
      go();
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
    addEventListener("click", done);
  });

// What is typed is kept by the server as it is typed, and in this window where the server cannot be reached.
const send = (root, told) => {
  const form = root.querySelector("form");
  const line = root.querySelector("#said");
  const here = location.pathname + told.page;
  const own = !document.querySelector("[data-again]"); // a tablet's window belongs to whoever comes next
  let [timer, keeping, sending, changed] = [0, Promise.resolve(), false, false];

  const body = (button) => {
    const data = new URLSearchParams(new FormData(form));
    if (button?.name) data.set(button.name, button.value);
    return data;
  };
  const post = (to, data) =>
    fetch(to, {
      method: "POST",
      body: data,
      headers: { "Otklik-Script": "1" },
      signal: AbortSignal.timeout?.(PATIENCE),
    });
  const say = (words) => {
    if (line.textContent !== words) line.textContent = words;
  };
  const lost = () => {
    say(told.words.offline);
    if (own) sessionStorage.setItem(here, body().toString());
  };
  const found = () => {
    say("");
    sessionStorage.removeItem(here);
  };
  const reached = (response) => response.status < 500 && response.status !== 429;
  const keep = async () => {
    if (sending || !changed || !told.keep) return;
    changed = false;
    try {
      if (!reached(await post(`${told.to}?keep=1`, body()))) throw new Error();
      if (!sending) found();
    } catch {
      changed = true;
      lost();
      if (!sending) pause(WAITS[2]).then(later);
    }
  };
  const later = () => {
    keeping = keeping.then(keep);
  };
  const insist = async (data) => {
    for (let n = 0; ; n += 1) {
      try {
        const response = await post(told.to, data);
        if (reached(response)) return response;
      } catch {
        // no connection: the same as a server that is away
      }
      lost();
      await pause(WAITS[Math.min(n, WAITS.length - 1)]);
    }
  };
  const finish = async (button) => {
    clearTimeout(timer);
    const data = body(button);
    root.setAttribute("aria-busy", "true");
    await keeping;
    const response = await insist(data);
    const text = await response.text();
    found();
    if (response.headers.get("Content-Type").startsWith("application/json")) {
      location.assign(JSON.parse(text).to);
      return;
    }
    const page = new DOMParser().parseFromString(text, "text/html");
    document.title = page.title;
    document.body.replaceWith(page.body);
    scrollTo(0, 0);
    const heading = document.querySelector("[role=alert],h1");
    heading.tabIndex = -1;
    heading.focus();
    start();
  };

  const restore = () => {
    const kept = new URLSearchParams((own && sessionStorage.getItem(here)) || "");
    if (![...kept].length) return;
    for (const field of fields(root)) {
      if (field.type === "hidden") continue;
      if (/^(radio|checkbox)$/.test(field.type)) field.checked = kept.getAll(field.name).includes(field.value);
      else field.value = kept.get(field.name) ?? "";
    }
    changed = true;
    later();
  };

  root.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    finish(event.submitter).catch(() => {
      sending = false;
      say(told.words.offline);
      root.removeAttribute("aria-busy");
    });
  });
  const change = () => {
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(later, REST);
  };
  root.addEventListener("input", change);
  root.addEventListener("change", change);
  addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || !told.keep || sending || !changed || !root.isConnected) return;
    if (navigator.sendBeacon(`${told.to}?keep=1`, body())) changed = false;
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  restore();
};

const start = () => {
  const root = document.querySelector("[data-page]");
  if (!root) return;
  const told = JSON.parse(root.dataset.page);
  for (const waiting of root.querySelectorAll("template")) waiting.replaceWith(waiting.content);
  const update = told.rules ? follow(root, told) : () => {};
  if (told.to) send(root, told);
  for (const box of root.querySelectorAll("[data-slider]")) slide(box);
  for (const list of root.querySelectorAll(".ranking")) rank(list);
  for (const kind of ["input", "change"]) root.addEventListener(kind, update);
  update();
  const note = document.getElementById("kept");
  if (note && told.to) note.textContent = told.words.kept;
};
start();
