// *Just in* moves by itself, and stops while somebody points at it or reads it by keyboard.
const list = document.querySelector("[data-just-in]");
let shown = list?.innerHTML;

setInterval(async () => {
  if (!list || document.hidden || list.matches(":hover, :focus-within")) return;
  const answer = await fetch(list.dataset.justIn);
  const text = answer.ok && !answer.redirected ? await answer.text() : shown;
  if (text !== shown) {
    list.innerHTML = text;
    shown = text;
  }
}, 5000);

// A new installation waits for its first event, and shows it as it arrived.
const awaited = document.querySelector("[data-first-event]");
const waiting = awaited && setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(awaited.dataset.firstEvent);
  if (!answer.ok || answer.redirected) return;
  const text = await answer.text();
  if (!text.includes("data-come")) return;
  awaited.innerHTML = text;
  clearInterval(waiting);
}, 1000);
