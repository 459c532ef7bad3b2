/** The shop's own script: tells analytics what a page shows, and minds the header. */
"use strict";

// Calls wait in this list until /_fs/sdk.js takes them; without it they go nowhere.
window.analytics = window.analytics || [];

function tell({ event, properties }) {
  if (typeof window.analytics.track === "function") window.analytics.track(event, properties);
  else window.analytics.push(["track", event, properties]);
}

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** Pages that caches keep are the same for all: what is one's own is filled in here. */
function mindHeader() {
  const count = Number(cookie("shop_cart"));
  for (const badge of document.querySelectorAll("[data-cart-count]")) {
    badge.hidden = !count;
    badge.textContent = String(count);
  }
  const signedIn = cookie("shop_customer") !== "";
  for (const link of document.querySelectorAll("[data-signed-in]")) link.hidden = !signedIn;
  for (const link of document.querySelectorAll("[data-signed-out]")) link.hidden = signedIn;
}

for (const element of document.querySelectorAll("script[data-track]")) {
  tell(JSON.parse(element.textContent));
}
for (const choice of document.querySelectorAll("[data-submits]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
mindHeader();
addEventListener("pageshow", (event) => event.persisted && mindHeader());
