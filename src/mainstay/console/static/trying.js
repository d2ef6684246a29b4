// What the page of a trial has beside what all pages have: a button that prints it, a button that is pressed once, and
// a look again where it ended before this page began to listen.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-upload]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = form.querySelector("button.main");
    if (button) { button.setAttribute("aria-busy", "true"); button.textContent = "Sending…"; }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  new MutationObserver(() => { for (const button of document.querySelectorAll("[data-print]")) button.hidden = false; })
    .observe(document.body, { childList: true, subtree: true });
  const look = () => { if (document.querySelector("[data-running]")) setTimeout(() => { if (document.querySelector("[data-running]")) location.reload(); }, 4000); };
  look();
})();
