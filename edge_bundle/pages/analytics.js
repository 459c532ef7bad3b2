/** Segment's calls, so that a shop's snippets work as they are. */

import { readCookie, writeCookie } from "./base.js";
import { emit, pageFacts, track } from "./events.js";
import { forgetVisit } from "./session.js";

/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null;
export let paged = false;

/** page and screen: `([category], [name], [properties], [options])` */
const naming = (/** @type {string} */ type) => (/** @type {any[]} */ ...args) => {
  paged ||= type === "page";
  const [name, category] = args.filter((arg) => typeof arg === "string").reverse();
  const [properties, options] = args.filter(isObject);
  emit(type, { name, category, properties: { ...pageFacts(), ...properties } }, options);
};

/** identify and group: `([id], [traits], [options])` */
const about = (/** @type {string} */ type, /** @type {string} */ key) =>
  (/** @type {any[]} */ ...args) => {
    const [traits, options] = args.filter(isObject);
    const id = isObject(args[0]) ? undefined : args[0];
    emit(type, { [key]: id, traits: { ...traits } }, options);
  };

/** Links and forms need no delay: what they send outlives the page. */
const on = (/** @type {string} */ type) =>
  (/** @type {any} */ elements, /** @type {any} */ event, /** @type {any} */ properties) => {
    const made = (/** @type {any} */ value, /** @type {Element} */ element) =>
      typeof value === "function" ? value(element) : value;
    for (const element of elements?.addEventListener ? [elements] : elements ?? []) {
      element.addEventListener(type, () => track(made(event, element), made(properties, element)));
    }
  };

const ready = (/** @type {() => void} */ then) => void setTimeout(then, 0);

/** @type {Record<string, (...args: any[]) => void>} */
const calls = {
  track,
  page: naming("page"),
  screen: naming("screen"),
  identify: about("identify", "userId"),
  group: about("group", "groupId"),
  alias: (userId, previousId, options) => emit("alias", { userId, previousId }, options),
};

/** @type {Record<string, any>} */
export const analytics = {
  initialize: true, // so that Segment's own snippet does not load another
  initialized: true,
  ready,
  trackLink: on("click"),
  trackForm: on("submit"),
  reset() {
    if (readCookie("fs_s") !== undefined) writeCookie("fs_s", "", 0);
    forgetVisit();
  },
  push(/** @type {any[]} */ [method, ...args]) {
    // Segment's snippet adds what page a call came from.
    const own = args.filter((arg) => arg?.__t !== "bpc");
    if (Object.hasOwn(analytics, method)) analytics[method](...own);
  },
};
for (const [name, call] of Object.entries(calls)) {
  // A function at the end is told that the call was taken, as theirs is.
  analytics[name] = async (/** @type {any[]} */ ...args) => {
    const then = typeof args.at(-1) === "function" && args.pop();
    call(...args);
    if (then) ready(then);
  };
}
