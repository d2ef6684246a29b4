// What the page of a trial has beside what all pages have: a button that prints it.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  new MutationObserver(() => { for (const button of document.querySelectorAll("[data-print]")) button.hidden = false; })
    .observe(document.body, { childList: true, subtree: true });
})();
