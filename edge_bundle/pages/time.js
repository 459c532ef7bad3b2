/** Time spent: only while the page is visible; each part is sent when it stops being so. */

import { IDLE_SECONDS } from "./base.js";
import { pageFacts, track } from "./events.js";

let since = 0;
let spentMs = 0;
let page = pageFacts();

/** Start counting for the page as it is now, if it can be seen. */
export function startTime() {
  page = pageFacts();
  since = document.visibilityState === "visible" ? performance.now() : 0;
}

/** Stop counting, and tell the whole seconds. */
export function stopTime() {
  // A machine that slept with the page open has not looked at it.
  if (since) spentMs += Math.min(performance.now() - since, IDLE_SECONDS * 1000);
  since = 0;
  const seconds = Math.floor(spentMs / 1000);
  spentMs -= seconds * 1000;
  if (seconds) track("Time Spent", { seconds }, { context: { page } });
}
