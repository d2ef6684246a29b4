// Checks a policy while it is written: half a second after the last key, and nothing is kept of it.
"use strict";
(() => {
  const form = document.querySelector("form[data-check]");
  if (!form) return;
  const field = form.querySelector("textarea");
  let timer = 0;
  let turn = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++turn;
      const fields = new URLSearchParams(new FormData(form));
      fields.set("does", "check");
      try {
        const answer = await fetch(form.action, { method: "POST", body: fields });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("checked");
        if (mine === turn && fresh) document.getElementById("checked").replaceChildren(...fresh.childNodes);
      } catch { /* it is checked again with the next key, and when it is activated */ }
    }, 500);
  });
})();
