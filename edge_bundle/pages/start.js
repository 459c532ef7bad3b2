/** Puts the parts to work. */

import { prefix } from "./base.js";
import { analytics, paged } from "./analytics.js";
import { askOnce, dropRefused, getConsent, openChoices, setConsent } from "./choice.js";
import { beacon, flush, schedule } from "./queue.js";
import { moved, onClick, refill, watch } from "./slots.js";
import { startTime, stopTime } from "./time.js";

const shop = /** @type {any} */ (window);
const called = Array.isArray(shop.analytics) ? shop.analytics : [];
const consent = { get: getConsent, set: setConsent, open: openChoices };
shop.analytics = analytics;
shop.frontshelf = { prefix, refill: () => refill(), consent };
dropRefused(getConsent());
for (const call of called) if (Array.isArray(call)) analytics.push(call);

/** Arrive at a page without loading it: by Back, or within a one-page shop. */
function arrive() {
  stopTime();
  startTime();
  analytics.page();
  moved();
}

const address = () => location.pathname + location.search; // an anchor is no new page
let here = address();
const onMove = () => setTimeout(() => here !== (here = address()) && arrive(), 0);

for (const name of /** @type {const} */ (["pushState", "replaceState"])) {
  const move = history[name];
  history[name] = function (...args) {
    move.apply(this, args);
    onMove();
  };
}
addEventListener("popstate", onMove);
addEventListener("pageshow", ({ persisted }) => persisted && arrive());
addEventListener("pagehide", () => {
  stopTime();
  beacon();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    startTime();
    watch(); // a session may have ended meanwhile
  } else {
    stopTime();
    flush();
  }
});
addEventListener("online", () => schedule(0));
document.addEventListener("click", (event) => {
  const opener = /** @type {Element} */ (event.target).closest?.("[data-fs-consent]");
  if (!opener) return;
  event.preventDefault();
  consent.open(opener);
});
for (const type of /** @type {const} */ (["click", "auxclick"])) {
  document.addEventListener(type, onClick, true);
}

function start() {
  watch();
  if (!paged) analytics.page();
  if (getConsent().analytics) schedule(300);
  askOnce();
}

startTime();
if (/** @type {any} */ (document).prerendering) {
  document.addEventListener("prerenderingchange", start, { once: true }); // seen by nobody yet
} else if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
dispatchEvent(new Event("frontshelf:ready"));
