/** What a visitor did in this session, as the fs_s cookie tells it. */

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
const IDLE_SECONDS = 1800;

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

/** @param {string} text */
function unescapeItem(text) {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
