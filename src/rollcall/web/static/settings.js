// Ticking a box that has to show something first asks for it; without scripts a button does the same.
"use strict";
for (const box of document.querySelectorAll("[data-prepare]")) {
  box.addEventListener("change", () => {
    if (!box.checked) return;
    const form = box.form;
    form.action = box.dataset.prepare;
    form.requestSubmit();
  });
}
