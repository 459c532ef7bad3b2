/** What a visitor did in this session: from the fs_s cookie, or from a trusted body. */

/**
 * @typedef {{kind: "view"|"cart"|"order", item: string}} SessionEvent
 * @typedef {object} Session
 * @property {SessionEvent[]} events oldest first
 * @property {number} views
 * @property {number} carts
 * @property {number} orders
 * @property {number} startedAt epoch seconds
 * @property {number} lastAt epoch seconds
 */

/** @type {Record<string, SessionEvent["kind"]>} */
const KINDS = { v: "view", c: "cart", o: "order" };
const KIND_NAMES = Object.values(KINDS);
const IDLE_SECONDS = 1800;
const MAX_EVENTS = 200;

/** @type {Session} */
export const NO_SESSION = Object.freeze({
  events: [], views: 0, carts: 0, orders: 0, startedAt: 0, lastAt: 0,
});

/**
 * Read `1.<start>.<last>.<views>.<carts>.<orders>.<items>` (times in base 36 seconds); null when
 * malformed. A session idle for half an hour is over.
 * @param {string} cookie
 * @param {number} nowSeconds
 * @returns {Session|null}
 */
export function readSession(cookie, nowSeconds) {
  const match = /^1\.([0-9a-z]{1,8})\.([0-9a-z]{1,8})\.(\d{1,6})\.(\d{1,6})\.(\d{1,6})\.([^;\s]*)$/.exec(
    cookie,
  );
  if (!match || cookie.length > 200) return null;
  const startedAt = parseInt(match[1], 36);
  const lastAt = parseInt(match[2], 36);
  if (nowSeconds - lastAt > IDLE_SECONDS) return NO_SESSION;
  /** @type {SessionEvent[]} */
  const events = [];
  for (const entry of match[6] ? match[6].split("~") : []) {
    const kind = KINDS[entry[0]];
    const item = unescapeItem(entry.slice(1));
    if (!kind || !item) return null;
    events.push({ kind, item });
  }
  return {
    events,
    views: Number(match[3]),
    carts: Number(match[4]),
    orders: Number(match[5]),
    startedAt,
    lastAt,
  };
}

/**
 * Take the session of a decide body; throws a message for the caller when it is malformed.
 * @param {any} body
 * @returns {Session}
 */
export function sessionFromBody(body) {
  const events = body?.events ?? [];
  if (!Array.isArray(events)) throw new Error("session.events must be a list");
  const taken = events.slice(-MAX_EVENTS).map((event) => {
    const kind = event?.event ?? "view";
    if (!KIND_NAMES.includes(kind)) {
      throw new Error("session.events[].event must be view, cart or order");
    }
    if (typeof event.item !== "string") throw new Error("session.events[].item must be a string");
    return { kind, item: event.item };
  });
  const count = (/** @type {string} */ kind) => taken.filter((event) => event.kind === kind).length;
  return {
    events: taken,
    views: count("view"),
    carts: count("cart"),
    orders: count("order"),
    startedAt: 0,
    lastAt: 0,
  };
}

/** @param {string} text */
function unescapeItem(text) {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
