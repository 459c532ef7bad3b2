/** What the visitor allows, and the script that asks them, fetched only when it is needed. */

import { prefix, readCookie, seconds, tag, writeCookie } from "./base.js";
import { recordWaiting } from "./events.js";
import { forgetQueue } from "./queue.js";
import { forgetVisit } from "./session.js";

const CONSENT_SECONDS = 180 * 86400;
const PURPOSES = ["personalization", "analytics"];

/** What the visitor allows; Global Privacy Control is a refusal, whatever the cookie says. */
export function getConsent() {
  const optOut = /** @type {any} */ (navigator).globalPrivacyControl === true;
  const match = /^1\.([a-z+]{1,64})\.\d{1,12}$/.exec(readCookie("fs_c") ?? "");
  const granted = match?.[1] === "none" ? [] : match?.[1].split("+");
  const chosen = Boolean(granted?.every((purpose) => PURPOSES.includes(purpose)));
  const [personalization, analytics] =
    PURPOSES.map((purpose) => chosen && !optOut && Boolean(granted?.includes(purpose)));
  return { personalization, analytics, chosen, optOut };
}

/** Record a choice. What is withdrawn goes at once; HttpOnly cookies with the next request. */
export function setConsent(/** @type {any} */ choice) {
  const { optOut } = getConsent();
  const granted = PURPOSES.filter((purpose) => choice?.[purpose] === true && !optOut).join("+");
  writeCookie("fs_c", `1.${granted || "none"}.${seconds()}`, CONSENT_SECONDS);
  const consent = getConsent();
  dropRefused(consent);
  recordWaiting(consent);
  dispatchEvent(new CustomEvent("frontshelf:consent", { detail: consent }));
}

/** @param {ReturnType<typeof getConsent>} consent */
export function dropRefused({ personalization, analytics, chosen, optOut }) {
  if (!chosen && !optOut) return;
  if (!personalization && readCookie("fs_s") !== undefined) writeCookie("fs_s", "", 0);
  if (analytics) return;
  forgetQueue();
  forgetVisit();
}

/** Open the choices: consent.js comes now, and puts its own `open` in this one's place. */
export function openChoices(/** @type {Element} */ opener) {
  loadBanner().onload = () => /** @type {any} */ (window).frontshelf.consent.open(opener);
}

/** With `data-consent` on the tag of sdk.js, whoever has not chosen yet is asked. */
export function askOnce() {
  const { chosen, optOut } = getConsent();
  if (tag?.dataset.consent !== undefined && !chosen && !optOut) loadBanner();
}

/** @type {HTMLScriptElement|undefined} */
let banner;

function loadBanner() {
  if (banner) return banner;
  banner = document.createElement("script");
  Object.assign(banner.dataset, tag?.dataset); // its words
  if (tag?.nonce) banner.nonce = tag.nonce;
  banner.src = `${prefix}/consent.js`;
  document.head.append(banner);
  return banner;
}
