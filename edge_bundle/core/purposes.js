/** What a visitor allowed: the fs_c cookie, overruled by Global Privacy Control. */

export const PURPOSES = ["personalization", "analytics"];

/**
 * @typedef {object} Consent
 * @property {boolean} personalization
 * @property {boolean} analytics
 * @property {boolean} chosen whether a valid choice is on record
 */

/** @type {Consent} */
export const NO_CONSENT = Object.freeze({ personalization: false, analytics: false, chosen: false });

/**
 * Read the choice; a malformed cookie counts as none. `Sec-GPC: 1` is a binding opt-out.
 * @param {string|undefined} cookie `1.<purposes joined by +, or none>.<unix seconds>`
 * @param {boolean} optOut whether the browser sends Sec-GPC: 1
 * @returns {Consent}
 */
export function readConsent(cookie, optOut) {
  const match = /^1\.([a-z+]{1,64})\.(\d{1,12})$/.exec(cookie ?? "");
  if (!match) return NO_CONSENT;
  const granted = match[1] === "none" ? [] : match[1].split("+");
  if (granted.some((purpose) => !PURPOSES.includes(purpose))) return NO_CONSENT;
  return {
    personalization: !optOut && granted.includes("personalization"),
    analytics: !optOut && granted.includes("analytics"),
    chosen: true,
  };
}
