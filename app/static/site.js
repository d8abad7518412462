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

// A colour while it is typed: what it looks like, and where it can be read (as app/text/colours.py says it).
function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

for (const field of document.querySelectorAll("[data-colour]")) {
  const said = document.getElementById(field.dataset.colour).dataset;
  const told = document.getElementById(field.dataset.colour);
  const sample = field.parentElement.querySelector("[data-sample]");
  const look = () => {
    let colour = field.value.trim().toLowerCase().replace(/^#/, "");
    if (/^[0-9a-f]{3}$/.test(colour)) colour = colour.replace(/./g, "$&$&");
    const known = /^[0-9a-f]{6}$/.test(colour) ? `#${colour}` : "";
    sample.style.background = known || "var(--accent)";
    if (!known) {
      sample.style.color = "var(--on-accent)";
      told.textContent = field.value.trim() ? told.textContent : said.empty;
      return;
    }
    const words = contrast(known, "#ffffff") >= contrast(known, "#0f1220") ? "#ffffff" : "#0f1220";
    sample.style.color = words;
    const readable = contrast(known, words) >= 4.5;
    const light = readable && contrast(known, "#ffffff") >= 3;
    const dark = readable && contrast(known, "#171b2d") >= 3;
    told.textContent = light && dark ? said.both : light ? said.light : dark ? said.dark : said.none;
  };
  field.addEventListener("input", look);
  look();
}
