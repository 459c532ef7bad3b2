/** The attributes that rules can ask about; the list is in contract and docs/rules.md. */

/** Offsets of a time zone change on quarter hours at most, so one answer serves that long. */
const ZONE_MS = 900_000;
/** @type {{zone: string, quarter: number, offset: number}} */
let zoneKept = { zone: "", quarter: -1, offset: 0 };

/** What a condition on the session's categories adds to the names: they cost more than the rest. */
export const CATEGORIES = "session.categories";

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./visit.js").Visit} Visit
 */

/** @typedef {(scene: Scene, names: string[]) => any} Maker */

/** @type {Record<string, Maker>} */
const SOFT = {
  country: ({ visit }) => visit.facts.country,
  region: ({ visit }) => visit.facts.region,
  device: ({ visit }) => visit.facts.device,
  path: ({ visit }) => visit.facts.path,
  referrer: ({ visit }) => visit.facts.referrer,
  query: ({ visit }) => visit.facts.query,
  utm: ({ visit }) => visit.facts.utm,
  segments: (scene) => scene.segments,
};

/** What the worker knows better than any caller, or adds to. @type {Record<string, Maker>} */
const FIRM = {
  new_visitor: ({ visit }) => visit.isNew,
  hour: (scene) => localTime(scene).getUTCHours(),
  weekday: (scene) => localTime(scene).getUTCDay() || 7,
  page: ({ visit }) => visit.page,
  session: (scene, names) => (personal(scene) ? sessionAttributes(scene, names) : {}),
  cart: (scene) => (personal(scene) ? { items: inCart(scene.visit), ...scene.visit.given?.cart } : {}),
  traits: (scene) => (personal(scene) && scene.visit.given?.traits) || {},
  consent: ({ visit }) => visit.consent,
};

/** A map is twice as fast to ask as an object that a name may not be in. */
const MAKERS = new Map(Object.entries({ ...SOFT, ...FIRM }));

/**
 * Return the attributes of these names; a trusted caller's own come with them.
 * @param {Scene} scene
 * @param {string[]} names
 * @returns {Record<string, any>}
 */
export function attributesOf(scene, names) {
  const { given } = scene.visit;
  /** @type {Record<string, any>} */
  const made = given ? { ...given } : {};
  for (const name of names) {
    const make = MAKERS.get(name);
    if (make && !(given && name in SOFT && given[name] != null)) made[name] = make(scene, names);
  }
  return made;
}

/** @param {Scene} scene */
function personal({ visit }) {
  return visit.consent.personalization;
}

/** @param {Scene} scene */
function localTime({ visit, release }) {
  return new Date(visit.now + zoneOffset(release.rules.timezone, visit.now));
}

/** @param {Scene} scene @param {string[]} names */
function sessionAttributes({ visit, recent }, names) {
  const { session, given, now } = visit;
  /** @type {Record<string, any>} */
  const made = {
    views: session.views,
    carts: session.carts,
    orders: session.orders,
    seconds: session.startedAt ? Math.max(0, Math.round(now / 1000) - session.startedAt) : 0,
  };
  if (names.includes(CATEGORIES)) made.categories = [...new Set(categoriesOf(recent ?? []))];
  return given?.session ? { ...made, ...given.session } : made;
}

/** @param {import("./history.js").Found[]} recent @returns {string[]} the category of each */
export function categoriesOf(recent) {
  return recent.map(({ table, number }) => table.cards.card(number - table.first).category);
}

/** @param {Visit} visit @returns {string[]} SKUs put in the cart in this session */
export function inCart({ session }) {
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
  const local = new Date(at).toLocaleString("en-US", { timeZone: timezone, hourCycle: "h23" });
  return Date.parse(`${local} UTC`) - at;
}
