// The dashboard's own few lines: pictures of SVG for Dash, filters that live in the address, and trouble told in words.
"use strict";

{
  const TAGS = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "title", "a"]);

  // A tree of SVG becomes elements: known shapes, texts, and links that stay inside this site.
  const element = (tree, index) => {
    if (typeof tree === "string") return tree;
    const [tag, attributes, children = []] = tree;
    if (!TAGS.has(tag)) return null;
    const props = { ...attributes, key: index };
    if (tag === "a" && !/^\/(?!\/)/.test(props.href || "")) delete props.href;
    return window.React.createElement(tag, props, ...children.map(element));
  };

  window.otklik = {
    Picture: ({ tree, label }) => {
      const [tag, attributes, children] = tree;
      const linked = JSON.stringify(children).includes('["a"');
      const named = { ...attributes, role: linked ? "group" : "img", "aria-label": label };
      return element([tag, named, children], "picture");
    },
  };

  const form = document.querySelector("form.filters[data-live]");

  const address = () => {
    const query = new URLSearchParams();
    for (const field of form.elements) {
      if (field.name && field.value && field.value !== field.dataset.standard) query.set(field.name, field.value);
    }
    return query.size ? `?${query}` : "";
  };

  const follow = () => {
    for (const link of document.querySelectorAll("a[data-follow]")) {
      link.href = link.pathname + location.search;
    }
    const narrowed = ["touchpoint", "place", "survey", "channel"].filter((name) => form.elements[name]?.value).length;
    document.querySelector(".filters-count").textContent = narrowed ? `(${narrowed})` : "";
  };

  // Dash's own name for "the address has changed".
  const told = () => window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));

  if (form) {
    form.addEventListener("change", () => {
      if ([...form.querySelectorAll('input[type="date"]')].some((day) => !day.value)) return;
      history.pushState(null, "", location.pathname + address());
      follow();
      told();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.dispatchEvent(new Event("change"));
    });
    addEventListener("popstate", () => {
      const query = new URLSearchParams(location.search);
      for (const field of form.elements) {
        if (field.name) field.value = query.get(field.name) || field.dataset.standard || "";
      }
      follow();
    });
    // Links to another view of this very page change the address, not the page.
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='?']");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      history.pushState(null, "", location.pathname + link.getAttribute("href").replace(/^\?$/, ""));
      dispatchEvent(new PopStateEvent("popstate"));
      told();
      scrollTo(0, 0);
    });
  }

  // Wide screens have room for the filters; on a phone they open on demand.
  const fold = document.querySelector(".filters-fold");
  if (fold) {
    const wide = matchMedia("(min-width: 768px)");
    const unfold = () => { fold.open = wide.matches; };
    wide.addEventListener("change", unfold);
    unfold();
  }

  const trouble = document.getElementById("trouble");
  if (trouble) {
    const say = (kind) => {
      trouble.hidden = !kind;
      for (const name of ["away", "out"]) trouble.querySelector(`[data-${name}]`).hidden = kind !== name;
    };
    const ask = window.fetch;
    window.fetch = async (...given) => {
      const url = String(given[0]?.url || given[0]);
      if (!url.includes("/dashboards/_dash")) return ask(...given);
      try {
        const response = await ask(...given);
        say([401, 403].includes(response.status) ? "out" : response.status >= 500 ? "away" : "");
        return response;
      } catch (error) {
        say("away");
        throw error;
      }
    };
    document.addEventListener("click", (event) => {
      if (!event.target.closest(".again")) return;
      if (window.dash_clientside?.set_props) window.dash_clientside.set_props("pulse", { data: `again ${Date.now()}` });
      else location.reload();
    });
  }

  // What explains a figure goes away with Escape.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement?.classList.contains("how")) document.activeElement.blur();
  });

  const copy = document.getElementById("copy-link");
  copy?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    const before = copy.textContent;
    copy.textContent = copy.dataset.done;
    setTimeout(() => { copy.textContent = before; }, 2000);
  });
  document.getElementById("print")?.addEventListener("click", () => {
    document.querySelector(".share").open = false;
    print();
  });
}
