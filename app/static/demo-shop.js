// Her shop, as any shop uses the widget: it says who is there, with its server's proof, and has one form watched.
const wishes = document.getElementById("wishes");
const saved = wishes.querySelector("[role=status]");
const { guest, proof } = wishes.dataset;

if (proof && window.otklik) {
  window.otklik.identify(guest, { hash: proof });
  window.otklik.form(wishes, { name: "delivery-wishes" });
}

wishes.addEventListener("input", () => {
  saved.textContent = "";
});
wishes.addEventListener("submit", (event) => {
  event.preventDefault(); // the wishes stay in this page
  saved.textContent = saved.dataset.saved;
});
