// A page that anybody may answer on: a little work before an answer counts, which is nothing for one person and much for
// a machine that wants thousands; and a tablet that begins again when whoever stood there has gone.
const proof = document.querySelector("input[name=proof]");
const page = document.querySelector("[data-again]");

const fits = async (ticket, number, zeros) => {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${ticket}:${number}`));
  return Math.clz32(new DataView(hash).getUint32(0)) >= zeros;
};

if (proof && globalThis.crypto?.subtle) {
  const ticket = document.querySelector("input[name=ticket]").value;
  let number = 0;
  while (!(await fits(ticket, number, Number(proof.dataset.zeros)))) number += 1;
  proof.value = number;
}

if (page) {
  let last = Date.now();
  for (const kind of ["input", "pointerdown", "keydown", "scroll"]) {
    addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  }
  setInterval(() => {
    if (Date.now() - last > Number(page.dataset.again) * 1000) location.replace(page.dataset.start);
  }, 1000);
}
