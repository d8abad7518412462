// A form that is watched: begun, sent, or left behind. The names of its fields are told, never what is in them.
const FIELDS =
  "input:not([type=hidden],[type=submit],[type=button],[type=reset],[type=image]),select,textarea,[contenteditable]";
const MOST = 50;
const LONGEST = 64;
const watched = new WeakSet();

export function watch(form, given, track) {
  if (watched.has(form)) return;
  watched.add(form);
  const name = given || form.getAttribute("name") || form.id || "form";
  let begun = 0;
  let fields = [];
  let last = "";

  const tell = (what) =>
    track(`form.${what}`, { form: name, fields: [...fields], last, seconds: Math.round((Date.now() - begun) / 1000) });

  const reach = ({ target }) => {
    const field = target.matches(FIELDS) && (target.getAttribute("name") || target.id).slice(0, LONGEST);
    if (!field) return;
    last = field;
    if (!fields.includes(field) && fields.length < MOST) fields.push(field);
  };

  const begin = (event) => {
    if (!event.target.matches(FIELDS)) return;
    reach(event);
    if (begun) return;
    begun = Date.now();
    tell("started");
  };

  const end = (what) => {
    if (begun) tell(what);
    begun = 0;
    fields = [];
    last = "";
  };

  form.addEventListener("focusin", reach);
  form.addEventListener("input", begin);
  form.addEventListener("change", begin);
  form.addEventListener("submit", () => {
    begun = begun || Date.now(); // filled in by the browser, and sent at once
    end("submitted");
  });
  addEventListener("pagehide", () => end("abandoned"));
}
