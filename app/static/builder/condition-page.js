// A condition in a form of its own: choices in place of its text, which is what is sent.
import { ConditionForm } from "./condition-form.js";
import { speak } from "./dom.js";

for (const area of document.querySelectorAll("textarea[data-condition]")) {
  const given = JSON.parse(document.getElementById(area.dataset.condition).textContent);
  speak(given.words);
  const read = () => {
    try {
      return area.value.trim() ? JSON.parse(area.value) : undefined;
    } catch {
      return null;
    }
  };
  const tree = read();
  if (tree === null) continue; // what cannot be read stays as it was typed
  const form = new ConditionForm({
    tree, fields: given.fields, sentence: given.sentence, label: given.label,
    change: (next) => {
      area.value = next === undefined ? "" : JSON.stringify(next);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    },
  });
  area.hidden = true;
  document.querySelector(`label[for="${area.id}"]`)?.setAttribute("for", "");
  area.after(form.root);
}
