/** What a visitor did in this session, as the fs_s cookie tells it. */

/**
 * @typedef {{kind: "view"|"cart"|"order", item: string}} SessionEvent
 * @typedef {object} Session
 * @property {SessionEvent[]} events oldest first
 * @property {string} trail the events, spelled so that no others are spelled alike
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
  events: [], trail: "", views: 0, carts: 0, orders: 0, startedAt: 0, lastAt: 0,
});

/**
 * Read `1.<start>.<last>.<views>.<carts>.<orders>.<items>` (times in base 36 seconds); null when
 * malformed.
 * @param {string} cookie
 * @returns {Session|null}
 */
export function readSession(cookie) {
  const match = /^1\.([0-9a-z]{1,8})\.([0-9a-z]{1,8})\.(\d{1,6})\.(\d{1,6})\.(\d{1,6})\.([^;\s]*)$/.exec(
    cookie,
  );
  if (!match || cookie.length > 200) return null;
  const startedAt = parseInt(match[1], 36);
  const lastAt = parseInt(match[2], 36);
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
    trail: match[6],
    views: Number(match[3]),
    carts: Number(match[4]),
    orders: Number(match[5]),
    startedAt,
    lastAt,
  };
}

/**
 * A session idle for half an hour is over.
 * @param {Session} session @param {number} now epoch milliseconds
 */
export function sessionNow(session, now) {
  return now / 1000 - session.lastAt > IDLE_SECONDS ? NO_SESSION : session;
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
