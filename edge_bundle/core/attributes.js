/** The attributes that rules can ask about; the list is in contract and docs/rules.md. */

/** Offsets of a time zone change on quarter hours at most, so one answer serves that long. */
const ZONE_MS = 900_000;
/** @type {{zone: string, quarter: number, offset: number}} */
let zoneKept = { zone: "", quarter: -1, offset: 0 };

/**
 * @typedef {import("./decide.js").Visit} Visit
 */

/**
 * @param {Visit} visit
 * @param {import("./history.js").History} history
 * @param {string} timezone
 * @returns {Record<string, any>}
 */
export function attributesOf(visit, history, timezone) {
  const personal = visit.consent.personalization;
  const local = new Date(visit.now + zoneOffset(timezone, visit.now));
  return {
    ...visit.facts,
    segments: visit.facts.segments ?? history.segments,
    new_visitor: visit.isNew,
    hour: local.getUTCHours(),
    weekday: local.getUTCDay() || 7,
    page: { item: visit.page.item, category: visit.page.category },
    session: personal ? sessionAttributes(visit, history) : {},
    cart: personal ? { items: inCart(visit), ...visit.facts.cart } : {},
    traits: (personal && visit.facts.traits) || {},
    consent: {
      personalization: visit.consent.personalization,
      analytics: visit.consent.analytics,
    },
  };
}

/** @param {Visit} visit @param {import("./history.js").History} history */
function sessionAttributes({ session, facts, now }, { recent }) {
  const cards = recent.map(({ table, number }) => table.cards.card(number - table.first));
  return {
    categories: [...new Set(cards.map((card) => card.category))],
    views: session.views,
    carts: session.carts,
    orders: session.orders,
    seconds: session.startedAt ? Math.max(0, Math.round(now / 1000) - session.startedAt) : 0,
    ...facts.session,
  };
}

/** @param {Visit} visit @returns {string[]} SKUs put in the cart in this session */
function inCart({ session }) {
  return session.events.filter(({ kind }) => kind === "cart").map(({ item }) => item);
}

/**
 * @param {string} timezone IANA name
 * @param {number} now
 * @returns {number} milliseconds to add to UTC
 */
export function zoneOffset(timezone, now) {
  const quarter = Math.floor(now / ZONE_MS);
  if (zoneKept.zone !== timezone || zoneKept.quarter !== quarter) {
    zoneKept = { zone: timezone, quarter, offset: computeOffset(timezone, quarter * ZONE_MS) };
  }
  return zoneKept.offset;
}

/** @param {string} timezone @param {number} at a whole number of seconds */
function computeOffset(timezone, at) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone, hourCycle: "h23",
    year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(at);
  /** @type {Record<string, number>} */
  const value = {};
  for (const part of parts) value[part.type] = Number(part.value);
  return (
    Date.UTC(value.year, value.month - 1, value.day, value.hour, value.minute, value.second) - at
  );
}
