// The first run, one step at a time; without this script the three stand under each other.
const form = document.querySelector("[data-steps]");
const steps = [...form.querySelectorAll("[data-step]")];
const dots = form.querySelectorAll(".dots li");
const back = form.querySelector("[data-back]");
const go = form.querySelector("[data-next]");
let now = 0;

function show(step, focus = true) {
  now = step;
  steps.forEach((section, n) => { section.hidden = n !== now; });
  dots.forEach((dot, n) => {
    dot.classList.toggle("on", n <= now);
    if (n === now) dot.setAttribute("aria-current", "step");
    else dot.removeAttribute("aria-current");
  });
  back.hidden = now === 0;
  go.textContent = now === steps.length - 1 ? go.dataset.last : go.dataset.next;
  if (focus) steps[now].querySelector("h1").focus();
}

function right(field) {
  return field.validity.valid && field.value.trim().length >= Number(field.dataset.least || 0);
}

// A fault stands beside its field, as it does when the server finds it.
function tell(field) {
  const id = `${field.id}-fault`;
  document.getElementById(id)?.remove();
  const fine = right(field);
  field.setAttribute("aria-invalid", String(!fine));
  if (fine) return field.removeAttribute("aria-describedby");
  const fault = Object.assign(document.createElement("div"), { id, className: "fault", textContent: field.dataset.fault });
  field.after(fault);
  field.setAttribute("aria-describedby", id);
}

form.noValidate = true;
form.addEventListener("submit", (event) => {
  const asked = [...steps[now].querySelectorAll("[data-fault]")];
  asked.forEach(tell);
  const wrong = asked.find((field) => !right(field));
  if (!wrong && now === steps.length - 1) return;
  event.preventDefault();
  event.stopPropagation();
  if (wrong) wrong.focus();
  else show(now + 1);
});
back.addEventListener("click", () => show(now - 1));
form.addEventListener("input", ({ target }) => { if (target.getAttribute("aria-invalid") === "true" && target.dataset.fault) tell(target); });
form.classList.add("stepwise");
show(Number(form.dataset.steps), false);
