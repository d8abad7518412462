// What every staff page shares: menus that close, `/` for the search, copying, forms that are sent once.

const menus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent.trim());
  const before = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = before; }, 2000);
});

// A double click sends a form once; coming back by the history opens it again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  const question = form.dataset.ask;
  if (question && !confirm(question)) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// What was typed is not lost by leaving the page unawares.
const watched = document.querySelector("form[data-keep]");
if (watched) {
  let changed = false;
  watched.addEventListener("input", () => { changed = true; });
  watched.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

for (const field of document.querySelectorAll("[data-strength]")) {
  const told = document.getElementById(field.dataset.strength);
  const words = told.dataset.words.split("|");
  field.addEventListener("input", () => {
    const kinds = new Set([...field.value].map((c) => (/\d/.test(c) ? 1 : /\p{Lu}/u.test(c) ? 2 : /\p{L}/u.test(c) ? 3 : 4))).size;
    const grade = field.value.length < 10 ? 0 : field.value.length + 3 * kinds < 20 ? 1 : 2;
    told.textContent = field.value ? words[grade] : "";
  });
}

// A zone or language the browser knows, where the person has not said any.
for (const field of document.querySelectorAll("[data-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!field.dataset.zone && zone && [...(field.options || [])].some((o) => o.value === zone)) field.value = zone;
}
