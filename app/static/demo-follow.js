// The ladder grows while it happens: asked for again and again, and only ever added to, so that it can be read out.
const walk = document.querySelector("[data-walk]");
const lines = document.querySelector("[data-lines]");
const awaited = document.querySelector("[data-awaited]");
const newest = document.querySelector("[data-newest]");
const told = document.querySelector("[data-told]");
const phone = document.getElementById("phone");
const mailTab = document.querySelector("[data-mail]");
const tabs = document.querySelectorAll("[data-side]");
const EVERY = 700;
const MARKS = { good: "✓", bad: "✗", "": "•" };
const shown = new Set();
let mail = null;
let first = true;

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function checksOf(line) {
  const details = element("details");
  details.append(element("summary", walk.dataset.checks));
  const list = element("ol", "", "ladder");
  for (const [name, seen, passed] of line.checks) {
    const item = element("li", "", passed ? "yes" : "no");
    const mark = element("span", passed ? "✓" : "✗", "tick");
    mark.setAttribute("aria-hidden", "true");
    const words = element("span");
    words.append(element("span", `${passed ? walk.dataset.passed : walk.dataset.stopped}: `, "visually-hidden"), `${name} `, element("span", seen, "muted small"));
    item.append(mark, words);
    list.append(item);
  }
  details.append(list);
  return details;
}

function lineOf(line) {
  const item = element("li", "", line.tone);
  const mark = element("span", MARKS[line.tone] ?? "•", "mark");
  mark.setAttribute("aria-hidden", "true");
  const words = element("div");
  words.append(element("div", line.text));
  if (line.quote) words.append(element("blockquote", line.quote));
  if (line.checks.length) words.append(checksOf(line));
  if (line.links.length) {
    const links = element("div", "", "links");
    for (const [text, url] of line.links) {
      const link = element("a", text);
      link.href = url;
      links.append(link);
    }
    words.append(links);
  }
  item.append(mark, words, element("time", line.time));
  return item;
}

// Read out wherever one is: on a phone the ladder itself lies hidden behind her side, and what is hidden is not read.
function tell(added) {
  if (first || !added.length) return;
  told.replaceChildren(...added.map((line) => element("p", line.quote ? `${line.text} ${line.quote}` : line.text)));
}

function show(state) {
  const added = state.lines.filter((line) => !shown.has(line.key));
  for (const line of added) {
    shown.add(line.key);
    lines.append(lineOf(line));
    newest.textContent = line.text;
    newest.hidden = false;
  }
  tell(added);
  for (const step of awaited.children) step.hidden = !state.awaited.includes(step.dataset.step);
  awaited.hidden = state.awaited.length === 0;
  if (state.mail && state.mail !== mail) {
    mail = state.mail;
    mailTab.href = mail;
    // What has just come, or still waits for her answer, lies on top, as it does on a phone.
    if (!first || state.awaited.includes("answer")) phone.src = mail;
  }
}

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch(walk.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 401) {
        location.reload();
        return;
      }
      if (answer.ok) {
        show(await answer.json());
        first = false;
      }
    } catch {
      // the server is being started again: the next question finds it
    }
  }
  setTimeout(ask, EVERY);
}

function turnTo(side, focus) {
  walk.dataset.showing = side;
  for (const tab of tabs) {
    const chosen = tab.dataset.side === side;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) tab.focus();
  }
}

for (const tab of tabs) {
  tab.addEventListener("click", () => turnTo(tab.dataset.side, false));
  tab.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") turnTo(tab.dataset.side === "hers" ? "yours" : "hers", true);
  });
}
turnTo("hers", false);
ask();
