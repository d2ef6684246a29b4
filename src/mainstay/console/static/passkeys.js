// Passkeys, where the browser has them: forms marked data-options ask the server for a challenge and send what was signed.
"use strict";
(() => {
  const forms = document.querySelectorAll("form[data-options]");
  if (!window.PublicKeyCredential || !navigator.credentials) {
    for (const form of forms) form.hidden = true;
    return;
  }
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const opened = (options) => {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const name of ["allowCredentials", "excludeCredentials"]) for (const one of options[name] || []) one.id = bytes(one.id);
    return options;
  };
  const closed = (made) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (made.response[name]) response[name] = text(made.response[name]);
    return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
  };
  const told = async (answer) => {
    const says = await answer.json().catch(() => ({})); // what is no answer of these pages is a page
    if (!answer.ok) throw new Error(says.message || "Mainstay did not take that. Load the page again.");
    return says;
  };
  for (const form of forms) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const note = form.querySelector("[role=alert]");
      note.hidden = true;
      try {
        const fields = new URLSearchParams(new FormData(form));
        const publicKey = opened(await told(await fetch(form.dataset.options, { method: "POST", body: fields })));
        const made = publicKey.user
          ? await navigator.credentials.create({ publicKey })
          : await navigator.credentials.get({ publicKey });
        fields.set("passkey", closed(made));
        location.assign((await told(await fetch(form.dataset.to, { method: "POST", body: fields }))).next);
      } catch (error) {
        note.textContent = error.name === "NotAllowedError" || error.name === "AbortError" ? "Nothing was done: no passkey was given." : error.message;
        note.hidden = false;
      }
    });
  }
})();
