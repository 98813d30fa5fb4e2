// Conveniences; every page works without them.
"use strict";

// A part marked data-live="MILLISECONDS" is fetched again with its page and replaced. The server escapes all it sends, and the
// policy of the page forbids inline scripts, so hostile text stays text here too.
(function live() {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const every = Number(part.dataset.live);
  const button = document.querySelector("[data-live-toggle]");
  let on = true;

  function isBusy() {
    const selection = document.getSelection();
    return document.hidden || (selection && !selection.isCollapsed) || document.querySelector("#live details[open]");
  }

  async function renew() {
    if (!on || isBusy()) return;
    const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/login") {
      location.reload();
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    const current = document.getElementById("live");
    if (!fresh || !current || !on) return;
    const focused = document.activeElement && current.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    current.replaceWith(document.importNode(fresh, true));
    if (focused) document.querySelector(`#live [href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  async function loop() {
    try {
      await renew();
    } catch {
      // The console is restarting or out of reach: the next round tries again.
    }
    setTimeout(loop, every);
  }

  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      on = !on;
      button.setAttribute("aria-pressed", String(on));
      button.lastChild.textContent = on ? "Live" : "Paused";
    });
  }
  setTimeout(loop, every);
})();

// On a narrow screen the navigation scrolls: the open page is brought into view.
document.querySelector(".rail nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// The theme changes at once; the form keeps it in a cookie.
(function theme() {
  const form = document.querySelector("[data-theme-form]");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    const chosen = event.submitter;
    if (!chosen) return;
    event.preventDefault();
    document.documentElement.dataset.theme = chosen.value;
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === chosen));
    const fields = new URLSearchParams(new FormData(form));
    fields.set("theme", chosen.value);
    fetch(form.action, { method: "POST", body: fields, credentials: "same-origin", redirect: "manual" });
  });
})();

// A filter is applied when it is chosen; empty ones are left out of the address.
(function filters() {
  const form = document.querySelector("form.filters");
  if (!form) return;
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) form.requestSubmit();
  });
})();
