// The inbox by keyboard: j and k move, a takes, c comments, r solves.
const typing = (target) => target.closest("input, textarea, select");

document.addEventListener("keydown", (event) => {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...document.querySelectorAll("[data-tasks] a.row-link")];
  const here = links.findIndex((link) => link === document.activeElement || link.getAttribute("aria-current"));
  const focus = { c: "#comment", r: "#outcome" }[event.key];
  if (event.key === "j" || event.key === "k") {
    links[Math.min(links.length - 1, Math.max(0, here + (event.key === "j" ? 1 : -1)))]?.focus();
  } else if (event.key === "a") {
    document.querySelector("[data-key=a]")?.click();
  } else if (focus) {
    document.querySelector(focus)?.focus();
    event.preventDefault();
  }
});
