// A draft that was rehearsed may be put in force; as soon as it is another one, rehearsing comes first again.
const form = document.querySelector("form[data-rehearsed]");
const said = () => JSON.stringify([...new FormData(form)]);
const before = said();
const buttons = Object.fromEntries(["rehearse", "save"].map((verb) => [verb, form.querySelector(`button[value=${verb}]`)]));

form.addEventListener("input", () => {
  const main = said() === before ? "save" : "rehearse";
  for (const [verb, button] of Object.entries(buttons)) {
    button.classList.toggle("btn-primary", verb === main);
    button.classList.toggle("btn-plain", verb !== main);
  }
});
