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
  const match = cookie ? /^1\.([a-z+]{1,64})\.\d{1,12}$/.exec(cookie) : null;
  if (!match) return NO_CONSENT;
  const consent = CHOICES.get(match[1]) ?? consentTo(match[1]);
  return optOut && consent.chosen ? OPTED_OUT : consent;
}

/** @param {string} purposes @returns {Consent} */
function consentTo(purposes) {
  const granted = purposes === "none" ? [] : purposes.split("+");
  if (granted.some((purpose) => !PURPOSES.includes(purpose))) return NO_CONSENT;
  return Object.freeze({
    personalization: granted.includes("personalization"),
    analytics: granted.includes("analytics"),
    chosen: true,
  });
}

/** What nearly everyone chooses, made once. */
const CHOICES = new Map(
  ["none", "personalization+analytics", "personalization", "analytics"].map((one) => [one, consentTo(one)]),
);
const OPTED_OUT = consentTo("none");
