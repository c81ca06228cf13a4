// Small comforts on top of pages that work without them.
"use strict";

// Copy buttons show themselves only where they can work.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.querySelector("span");
  const before = words.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    words.textContent = "Copied";
    setTimeout(() => (words.textContent = before), 2000);
  });
}

// Times: how long ago, in words; the exact one in the reader's zone on hover.
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [2592000, "day", 86400]];
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
function tellTime(element) {
  const at = new Date(element.dateTime);
  const seconds = (at - Date.now()) / 1000;
  const step = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  element.title = at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
  element.textContent = step
    ? ago.format(Math.round(seconds / step[2]), step[1])
    : at.toLocaleDateString("en-GB", { dateStyle: "medium" });
}
function tellTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) tellTime(element);
}
tellTimes();
setInterval(tellTimes, 30000);

// The summary of faults is where a reader begins.
document.querySelector("[data-focus]")?.focus();

// A slash goes to the search field; Escape closes an open menu.
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.rc-menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.rc-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Forms that hold unsaved work say so, and ask before they are left.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let changed = false;
  form.addEventListener("input", () => {
    changed = true;
    form.classList.add("rc-changed");
  });
  form.addEventListener("submit", () => (changed = false));
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}

// What can't be undone is asked once more, in the words of its button's page.
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}
