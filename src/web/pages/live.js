// Renews the page while somebody looks at it. Without it everything is there as well, only not by itself.
"use strict";
(() => {
  const live = document.getElementById("live");
  const told = document.getElementById("told");
  const seconds = Number(live && live.dataset.live);
  let html = live && live.innerHTML;
  let spoken = headline(document);
  let failed = 0;

  function headline(page) {
    // Without since when: that is another text at each look, and would be spoken at each.
    const line = page.querySelector("#headline strong");
    return line ? line.textContent.trim() : "";
  }

  // Times are UTC for everybody; the reader's own stands beside them.
  function local() {
    for (const time of document.querySelectorAll("time:not([data-local])")) {
      const moment = new Date(time.dateTime);
      time.dataset.local = "";
      if (!Number.isNaN(moment.getTime())) time.title += "\nhere: " + moment.toLocaleString();
    }
  }

  function take(page) {
    const next = page.getElementById("live");
    if (!next) throw new Error("another page");
    const footer = document.querySelector("footer time");
    const then = page.querySelector("footer time");
    if (footer && then) footer.replaceWith(document.importNode(then, true));
    document.title = page.title;
    const icon = document.getElementById("icon");
    const newIcon = page.getElementById("icon");
    if (icon && newIcon && icon.getAttribute("href") !== newIcon.getAttribute("href")) icon.replaceWith(document.importNode(newIcon, true));
    if (next.innerHTML === html) return;
    html = next.innerHTML;
    const open = new Set([...live.querySelectorAll("details[open][id]")].map((one) => one.id));
    const focus = document.activeElement && live.contains(document.activeElement) ? document.activeElement : null;
    const key = focus && (focus.id ? "#" + CSS.escape(focus.id) : focus.getAttribute("href") ? 'a[href="' + CSS.escape(focus.getAttribute("href")) + '"]' : null);
    live.replaceChildren(...document.importNode(next, true).childNodes);
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    const again = key && live.querySelector(key);
    if (again) again.focus({ preventScroll: true });
    const line = headline(document);
    if (line && line !== spoken) told.textContent = " · now: " + line;
    spoken = line;
  }

  async function renew() {
    if (document.hidden || live.contains(document.activeElement) && /^(INPUT|SELECT|BUTTON)$/.test(document.activeElement.tagName)) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (failed) told.textContent = " · Rollcall answers again";
      failed = 0;
      document.body.classList.remove("lost");
    } catch {
      failed += 1;
      // What is shown is old, and must not look calm.
      if (failed === 2) {
        told.textContent = " · Rollcall does not answer; this page is old";
        document.body.classList.add("lost");
      }
    }
    local();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    const find = document.querySelector("#q, #find");
    if (find) {
      event.preventDefault();
      find.focus();
    }
  });
  local();
  if (seconds > 0) {
    setInterval(renew, 1000 * seconds);
    document.addEventListener("visibilitychange", renew);
  }
})();
