// A survey in place: its pages, drawn from values in a root of its own, so that neither page nor popup disturbs the other.
const DARK = `--card:#171b2d;--line:#2a3048;--input:#6b7491;--text:#e8eaf4;--muted:#9aa3bd;--accent:var(--night,#8b8bff);--on:var(--on-night,#0f1220);
--bad:#f9a8c2;--bad-bg:#43182a;color-scheme:dark`;
const LOOK = `
:host{all:initial;color-scheme:light;position:fixed;right:16px;bottom:16px;z-index:2147483647;width:400px;max-width:calc(100vw - 32px);
--card:#fff;--line:#e5e7f0;--input:#858ea3;--text:#1d2233;--muted:#5f6a80;--accent:var(--day,#5b5bd6);--on:var(--on-day,#fff);--bad:#9d1c4a;
--bad-bg:#fde3ec;font:16px/1.5 -apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
@media(prefers-color-scheme:dark){:host(:not([data-theme=light])){${DARK}}}
:host([data-theme=dark]){${DARK}}
@media print{:host{display:none}}
*{box-sizing:border-box;font:inherit;color:inherit}
.box{background:var(--card);color:var(--text);border:1px solid var(--line);border-radius:14px;padding:20px;
box-shadow:0 8px 32px rgba(15,18,32,.24);max-height:min(640px,calc(100vh - 32px));overflow:auto;overscroll-behavior:contain;
position:relative}
.box:focus{outline:none}
@media(max-width:600px){:host{right:0;bottom:0;width:100%;max-width:none}
.box{border-radius:14px 14px 0 0;border-width:1px 0 0;max-height:85vh;padding:20px 16px calc(20px + env(safe-area-inset-bottom))}}
@media(prefers-reduced-motion:no-preference){.box{animation:rise .15s ease-out}}
@keyframes rise{from{transform:translateY(16px);opacity:0}}
.close{position:absolute;top:8px;right:8px;width:44px;height:44px;border:0;border-radius:10px;background:none;
color:var(--muted);font-size:24px;line-height:1;cursor:pointer}
fieldset{border:0;margin:0 0 20px;padding:0;min-width:0}
legend,.ask{display:block;padding:0;margin:0 0 12px;font-size:18px;line-height:1.35;font-weight:600;overflow-wrap:anywhere}
fieldset:first-of-type legend,fieldset:first-of-type .ask{padding-right:40px}
small,.ends,.note,.hint{color:var(--muted);font-size:13px;font-weight:400}
.scale{display:grid;grid-template-columns:repeat(var(--n),1fr);gap:5px}
label.one{display:flex;align-items:center;justify-content:center;min-height:44px;border:1px solid var(--input);
border-radius:10px;cursor:pointer;position:relative}
.list{display:grid;gap:8px}
.list .one{justify-content:flex-start;gap:10px;padding:8px 12px;overflow-wrap:anywhere}
.scale input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
.list input{width:20px;height:20px;flex:none;margin:0;accent-color:var(--accent)}
.one:has(:checked){background:var(--accent);border-color:var(--accent);color:var(--on);font-weight:600}
.list .one:has(:checked) input{accent-color:var(--on)}
.one:has(:focus-visible),:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.ends{display:flex;justify-content:space-between;gap:16px;margin-top:6px}
.hint.say{margin:0;font-size:15px;white-space:pre-line}
.words{margin-top:8px}
a.go{display:flex;align-items:center;justify-content:center;text-decoration:none}
textarea,input:is([type=text],[type=number],[type=date],[type=email],[type=tel]){width:100%;min-height:44px;padding:10px 12px;border:1px solid var(--input);border-radius:10px;
background:var(--card)}
textarea{min-height:96px;resize:vertical}
.go{width:100%;min-height:48px;border:0;border-radius:10px;background:var(--accent);color:var(--on);font-weight:600;
cursor:pointer}
.go[aria-disabled=true]{opacity:.6}
.fault{margin:0 0 12px;padding:8px 12px;border-radius:10px;color:var(--bad);background:var(--bad-bg);font-size:15px}
.note,.hint{margin:10px 0 0;text-align:center}
.hint{margin:-6px 0 10px;text-align:left}
.done{margin:0;padding:4px 40px 4px 0;font-size:18px;line-height:1.4;font-weight:600;overflow-wrap:anywhere}
.code{margin:12px 0 0;padding:12px;border:1px dashed var(--input);border-radius:10px;text-align:center;
font:600 22px/1.2 ui-monospace,monospace;letter-spacing:1px;user-select:all}`;

function make(tag, marks = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(marks)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.filter((part) => part !== null && part !== undefined && part !== ""));
  return made;
}

const INPUTS = { text: "text", number: "number", slider: "number", date: "date", email: "email", phone: "tel" };
const TOO_MUCH = ["matrix", "ranking", "image_choice"]; // these want a page of their own

function choice(question, { value, label, chosen }) {
  const type = question.several || question.type === "consent" ? "checkbox" : "radio";
  return make("label", { class: "one" }, make("input", { type, name: question.id, value, checked: chosen }), label);
}

function field(question, words, first) {
  const fault = question.fault && make("p", { class: "fault", id: `f-${question.id}` }, question.fault);
  const told = { "aria-describedby": fault && `f-${question.id}` };
  const optional = question.required ? null : make("small", {}, ` ${words.optional}`);
  const heading = first ? "heading" : null;
  const seen = make("input", { type: "hidden", name: "shown", value: question.id });
  if (question.type === "statement") {
    return make("fieldset", {}, seen, make("p", { class: "hint say", id: heading }, question.text));
  }
  const hint = question.help && question.type !== "consent" ? make("p", { class: "hint" }, question.help) : null;
  if (question.type in INPUTS) {
    const bounds = question.type === "text" ? { maxlength: question.most ?? 5000 } : { min: question.least, max: question.most };
    const marks = { id: `q-${question.id}`, name: question.id, ...bounds, "aria-invalid": fault && "true", ...told };
    const step = INPUTS[question.type] === "number" ? { step: question.step ?? "any" } : {};
    const input = question.long ? make("textarea", marks) : make("input", { type: INPUTS[question.type], ...step, ...marks });
    input.value = question.value;
    const label = make("label", { class: "ask", for: `q-${question.id}`, id: heading }, question.text, optional);
    return make("fieldset", {}, seen, label, hint, fault, input);
  }
  const scale = question.drawn === "scale";
  const choices = make("div", { class: scale ? "scale" : "list" }, ...question.choices.map((one) => choice(question, one)));
  if (scale) choices.style.setProperty("--n", question.choices.length > 7 ? 6 : question.choices.length);
  const [low, high] = [question.choices.at(0), question.choices.at(-1)];
  return make(
    "fieldset",
    told,
    seen,
    make("legend", { id: heading }, question.text, optional),
    hint,
    fault,
    question.several ? make("p", { class: "hint" }, words.several) : null,
    choices,
    question.other && make("input", {
      type: "text", class: "words", name: `${question.id}_other`, maxlength: 5000, value: question.words,
      "aria-label": question.other, placeholder: words.in_words,
    }),
    question.low
      ? make("div", { class: "ends" }, make("span", {}, `${low.label}: ${question.low}`), make("span", {}, question.high && `${high.label}: ${question.high}`))
      : null,
  );
}

function notes(page, words) {
  const said = page.steps > 1 ? [words.page.replace("{n}", page.step).replace("{all}", page.steps)] : [];
  if (page.number === 0) said.push(words.not_stored);
  return said.length ? make("p", { class: "note" }, said.join(" · ")) : null;
}

function dress(root) {
  if (!("adoptedStyleSheets" in root)) return root.append(make("style", {}, LOOK));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);
  root.adoptedStyleSheets = [sheet];
}

// Show a popup; `post` speaks to our server. Without a theme it follows the device. Ends when it is closed.
export function show({ token, url, language, words, buttons, page }, post, theme) {
  const before = document.activeElement;
  const host = make("div", { "data-otklik": true, "data-theme": theme });
  for (const [name, { background, text }] of [["day", buttons.light], ["night", buttons.dark]]) {
    host.style.setProperty(`--${name}`, background);
    host.style.setProperty(`--on-${name}`, text);
  }
  const root = host.attachShadow({ mode: "open" });
  const box = make("div", { class: "box", role: "dialog", lang: language, tabindex: "-1" });
  const close = make("button", { class: "close", type: "button", "aria-label": words.close }, "×");
  dress(root);
  root.append(box);
  document.body.append(host);

  return new Promise((closed) => {
    const leave = () => {
      const within = document.activeElement === host;
      host.remove();
      if (within && before && before.isConnected) before.focus({ preventScroll: true });
      closed();
    };

    const fill = (...parts) => {
      box.setAttribute("aria-labelledby", "heading");
      box.replaceChildren(...parts.filter(Boolean), close);
      box.scrollTop = 0;
      box.focus({ preventScroll: true });
    };

    const draw = (shown) => {
      if (shown.questions.some((question) => TOO_MUCH.includes(question.type))) {
        const away = make("a", { class: "go", href: url, target: "_blank", rel: "noopener noreferrer" }, words.open);
        return fill(make("p", { class: "done", id: "heading" }, shown.questions[0].text), away);
      }
      const go = make("button", { class: "go" }, shown.next);
      const form = make(
        "form",
        { novalidate: true },
        make("input", { type: "hidden", name: "page", value: shown.number }),
        shown.faulty ? make("p", { class: "fault", role: "alert" }, words.faults) : null,
        ...shown.questions.map((question, number) => field(question, words, number === 0)),
        go,
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (go.getAttribute("aria-disabled") !== "true") send(form, go);
      });
      fill(form, notes(shown, words));
    };

    const send = async (form, go) => {
      go.setAttribute("aria-disabled", "true");
      for (const old of form.querySelectorAll(".retry")) old.remove();
      try {
        const response = await post(`answers/${token}`, new URLSearchParams(new FormData(form)));
        if (response.status === 429 || response.status >= 500) throw new Error(response.status);
        const answer = await response.json();
        if (answer.page) draw(answer.page);
        else finish(answer);
      } catch {
        go.setAttribute("aria-disabled", "false");
        go.before(make("p", { class: "fault retry", role: "alert" }, words["popup.retry"]));
      }
    };

    const finish = ({ done, code }) => {
      fill(
        make("p", { class: "done", id: "heading", role: "status" }, done),
        code ? make("p", { class: "note" }, words.code) : null,
        code ? make("p", { class: "code" }, code) : null,
      );
    };

    close.addEventListener("click", leave);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      leave();
    });
    const tell = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", tell);
      post(`seen/${token}`, "").catch(() => {});
    };

    draw(page);
    document.addEventListener("visibilitychange", tell);
    tell();
  });
}
