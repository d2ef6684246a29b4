// What the page of a trial has beside what all pages have: a button that prints it, and a look again where the trial
// ended before this page began to listen.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  new MutationObserver(() => { for (const button of document.querySelectorAll("[data-print]")) button.hidden = false; })
    .observe(document.body, { childList: true, subtree: true });
  const look = () => { if (document.querySelector("[data-running]")) setTimeout(() => { if (document.querySelector("[data-running]")) location.reload(); }, 4000); };
  look();
})();
