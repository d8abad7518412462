// *Just in* moves by itself, and stops while somebody points at it or reads it by keyboard.
const list = document.querySelector("[data-just-in]");
let shown = list?.innerHTML;

setInterval(async () => {
  if (document.hidden || list.matches(":hover, :focus-within")) return;
  const answer = await fetch(list.dataset.justIn);
  const text = answer.ok && !answer.redirected ? await answer.text() : shown;
  if (text !== shown) {
    list.innerHTML = text;
    shown = text;
  }
}, 5000);
