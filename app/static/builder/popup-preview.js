// The popup itself on an empty page; what is answered is checked by the server and kept nowhere.
import { show } from "../widget/popup.js";

const popup = JSON.parse(document.getElementById("popup").textContent);
const given = new URLSearchParams();

const post = async (path, sent) => {
  if (!path.startsWith("answers/")) return new Response();
  for (const name of new Set(sent.keys())) if (name !== "shown") given.delete(name);
  for (const [name, value] of sent) given.append(name, value);
  const all = new URLSearchParams(given);
  all.set("page", "0");
  return fetch(location.href, { method: "POST", body: all });
};

const again = () => show(popup, post).then(() => setTimeout(again, 600));
again();
