/** The attributes that rules can ask about; the list is in contract and docs/rules.md. */

/** Offsets of a time zone change on quarter hours at most, so one answer serves that long. */
const ZONE_MS = 900_000;
/** @type {{zone: string, quarter: number, offset: number}} */
let zoneKept = { zone: "", quarter: -1, offset: 0 };

/**
 * @typedef {import("./decide.js").Visit} Visit
 * @typedef {import("./tables.js").VisitorRow} VisitorRow
 */

/**
 * @param {Visit} visit
 * @param {string[]} segments
 * @param {string} timezone
 * @returns {Record<string, any>}
 */
export function attributesOf(visit, segments, timezone) {
  const personal = visit.consent.personalization;
  const local = new Date(visit.now + zoneOffset(timezone, visit.now));
  return {
    ...visit.facts,
    segments: visit.facts.segments ?? segments,
    new_visitor: visit.isNew,
    hour: local.getUTCHours(),
    weekday: local.getUTCDay() || 7,
    page: { item: visit.page.item, category: visit.page.category },
    session: personal ? sessionAttributes(visit) : {},
    cart: (personal && visit.facts.cart) || {},
    traits: (personal && visit.facts.traits) || {},
    consent: {
      personalization: visit.consent.personalization,
      analytics: visit.consent.analytics,
    },
  };
}

/** @param {Visit} visit */
function sessionAttributes({ session, facts, now }) {
  return {
    views: session.views,
    carts: session.carts,
    orders: session.orders,
    seconds: session.startedAt ? Math.max(0, Math.round(now / 1000) - session.startedAt) : 0,
    ...facts.session,
  };
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
