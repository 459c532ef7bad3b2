/** What the other parts of sdk.js stand on: the script's tag, cookies, storage, random ids. */

export const IDLE_SECONDS = 1800;
export const tag = /** @type {HTMLScriptElement|null} */ (document.currentScript);

/** Where the edge answers: beside the script, unless its tag says otherwise. */
export const prefix = tag?.dataset.prefix ??
  new URL(tag?.src || "/_fs/sdk.js", location.href).pathname.replace(/\/[^/]*$/, "");

export const seconds = () => Math.floor(Date.now() / 1000);

/** @param {string} name */
export const readCookie = (name) =>
  document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

/** @param {string} name @param {string} value @param {number} age in seconds, 0 deletes it */
export function writeCookie(name, value, age) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

/** Stands in, for as long as the page lives, where the browser refuses storage or it is full. */
/** @type {Record<string, string>} */
export const spare = {};
/** @type {Record<string, any>} */
export let kept = spare;
try {
  kept = localStorage ?? spare;
} catch {
  // Refused: the page's memory it is.
}

/** @param {string} key @param {string} value */
export function keep(key, value) {
  try {
    kept[key] = value;
  } catch {
    spare[key] = value;
  }
}

/** @param {string} key */
export function forget(key) {
  delete kept[key];
  delete spare[key];
}

export function randomId() {
  return crypto.randomUUID?.() ?? // in secure contexts only
    crypto.getRandomValues(new Uint32Array(4)).join("-");
}
