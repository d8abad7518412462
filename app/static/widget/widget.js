// Otklik on a page: tells what a visitor does, and shows the question that this leads to.
// Nothing is kept on the device, nor looked at there, before otklik.consent(true).
(() => {
  "use strict";
  const script = document.currentScript || document.querySelector("script[data-source][src*='widget.js']");
  if (!script || !script.dataset.source || (window.otklik && window.otklik.identify && window.otklik.loaded)) return;
  const base = new URL(".", script.src).href;
  const door = `${base}widget/${encodeURIComponent(script.dataset.source)}/`;
  const KEY = "otklik:";
  const MOST = 50; // events that wait at a time
  const BYTES = 60000; // of one event; browsers let a leaving page send no more
  const PAUSES = [1, 2, 4, 8, 15, 30, 60, 60, 60, 60]; // seconds between tries

  let identity = null;
  let consented = false;
  let refused = false;
  let hiding = false;
  let sending = null; // the item on its way
  let open = false; // a popup is on its way, or shown
  let owed = false; // a look for a popup, put off until the page is seen
  let looking = 0;
  let tries = 0;
  let again = 0;
  const outbox = [];

  const warn = (...words) => console.warn("otklik:", ...words);
  const seen = () => document.visibilityState === "visible" && !hiding;

  function keep(act) {
    try {
      return act(window.localStorage);
    } catch {
      return undefined; // a page may have no storage, or no room in it
    }
  }

  function post(path, body) {
    return fetch(door + path, { method: "POST", body, keepalive: true, credentials: "omit", cache: "no-store" });
  }

  function written(item, popup) {
    return JSON.stringify({ ...item, sent: Date.now(), popup });
  }

  function room(who) {
    return Boolean(who && who.hash && who === identity && seen() && !open && script.dataset.popup !== "off");
  }

  function drop(item) {
    if (outbox.includes(item)) outbox.splice(outbox.indexOf(item), 1);
    if (consented) keep((store) => store.removeItem(KEY + item.event.id));
  }

  async function flush() {
    clearTimeout(again);
    if (sending || refused || !outbox.length) return;
    const item = (sending = outbox[0]);
    const asks = room(item.identity);
    if (asks) clearTimeout(looking); // this very request looks
    let later = false;
    try {
      const response = await post("visits", written(item, asks));
      later = response.status === 429 || response.status >= 500;
      if (!later) {
        drop(item);
        hear(await response.json(), item);
      }
    } catch {
      later = outbox.includes(item);
    }
    sending = null;
    if (!later) tries = 0;
    else if (tries === PAUSES.length) return;
    again = setTimeout(flush, later ? PAUSES[tries++] * 1000 : 0);
  }

  function hear(answer, item) {
    if (answer.errors) warn(item.event.type, answer.errors);
    if (item.identity && item.identity.hash && answer.identified === false) {
      warn("the hash does not prove this id, so the visitor stays unknown");
    }
    ask(answer.popup);
  }

  async function look() {
    owed = !seen();
    if (owed || !room(identity) || refused) return;
    try {
      const response = await post("visits", JSON.stringify({ identity, popup: true }));
      if (response.ok) ask((await response.json()).popup);
    } catch {
      // the next event looks again
    }
  }

  async function ask(popup) {
    if (!popup || open) return;
    open = true;
    try {
      const { show } = await import(`${base}widget/popup.js`);
      await show(popup, post, script.dataset.theme);
    } catch (error) {
      warn("the popup could not be shown", error);
    }
    open = false;
  }

  function leave() {
    hiding = true;
    // Those on their way travel on by themselves. What is kept stays kept, until the server says that it has it.
    for (const item of outbox.filter((waiting) => waiting !== sending)) beacon(item);
  }

  function beacon(item) {
    if (navigator.sendBeacon(`${door}visits`, written(item, false))) outbox.splice(outbox.indexOf(item), 1);
  }

  const api = {
    loaded: true,

    // Who the visitor is; `hash` is what the shop's own server has signed. Without an id: nobody any more.
    identify(id, { hash, email, name, locale } = {}) {
      identity = id === null || id === undefined || id === "" ? null : { id: String(id), hash, email, name, locale };
      clearTimeout(looking);
      if (!identity) return;
      if (hash) looking = setTimeout(look, 200);
      else warn("identify() without a hash: the visitor stays unknown");
    },

    // Something happened. Told once, however often it has to be sent.
    track(type, properties = {}) {
      if (refused) return;
      const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
      const item = { identity, event: { id, type: String(type), at: Date.now(), properties } };
      const text = JSON.stringify(item);
      if (text.length > BYTES) return warn(type, "is too large to be sent");
      const copy = { ...JSON.parse(text), identity }; // as it is now, whatever the page does with it
      outbox.push(copy);
      if (outbox.length > MOST) drop(outbox.find((waiting) => waiting !== sending));
      if (consented) keep((store) => store.setItem(KEY + id, text));
      if (hiding) beacon(copy);
      else flush();
    },

    // true: what could not be sent may be kept on the device. false: nothing is kept, and nothing is sent.
    consent(given) {
      consented = given === true;
      refused = !consented;
      const names = keep((store) => Object.keys(store).filter((name) => name.startsWith(KEY))) || [];
      if (refused) {
        outbox.length = 0;
        clearTimeout(looking);
        for (const name of names) keep((store) => store.removeItem(name));
        return;
      }
      for (const name of names.slice(0, MOST)) {
        const text = keep((store) => store.getItem(name));
        if (!outbox.some((item) => KEY + item.event.id === name)) outbox.push(JSON.parse(text));
      }
      for (const item of outbox) keep((store) => store.setItem(KEY + item.event.id, JSON.stringify(item)));
      flush();
    },

    // Tell when a form is begun, sent, or left; never what is written in it.
    async form(target, { name } = {}) {
      const { watch } = await import(`${base}widget/form.js`);
      if (document.readyState === "loading") {
        await new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }));
      }
      const found = typeof target === "string" ? document.querySelector(target) : target;
      if (found) watch(found, name, api.track);
      else warn("there is no form", target);
    },

    // Calls made before the widget was there: (window.otklik = window.otklik || []).push(["track", "page.viewed"]).
    push(...calls) {
      for (const [name, ...given] of calls) {
        try {
          api[name](...given);
        } catch (error) {
          warn(name, error);
        }
      }
    },
  };

  addEventListener("pagehide", leave);
  addEventListener("pageshow", () => {
    hiding = false;
    flush();
  });
  addEventListener("online", flush);
  document.addEventListener("visibilitychange", () => owed && look());

  const before = window.otklik || [];
  window.otklik = api;
  api.push(...before);
})();
