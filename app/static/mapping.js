// What the last payload becomes is shown while the mapping is typed; without this the button does the same.
const form = document.querySelector("form[data-see]");
let waits, asked = 0;

async function see() {
  const mine = ++asked;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page.getElementById(form.dataset.see);
  if (mine === asked && found) document.getElementById(form.dataset.see).replaceChildren(...found.childNodes);
}

form?.addEventListener("input", () => {
  clearTimeout(waits);
  waits = setTimeout(() => see().catch(() => {}), 400); // the button stands there for whoever has no connection
});
