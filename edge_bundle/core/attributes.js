/** The attributes that rules can ask about; the list is in contract and docs/rules.md. */

/** What a condition on the session's categories adds to the names: they cost more than the rest. */
export const CATEGORIES = "session.categories";

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./visit.js").Visit} Visit
 */

/** @typedef {(scene: Scene, names: string[]) => any} Maker */

/** Those that few rules ask for are in extras/facts.js. A map is twice as fast to ask as an object that a name may not be in. */
/** @type {Map<string, Maker>} */
const MAKERS = new Map(Object.entries(/** @type {Record<string, Maker>} */ ({
  country: ({ visit }) => visit.facts.country,
  region: ({ visit }) => visit.facts.region,
  device: ({ visit }) => visit.facts.device,
  segments: (scene) => scene.segments,
  new_visitor: ({ visit }) => visit.isNew,
  page: ({ visit }) => visit.page,
  session: (scene, names) => (personal(scene) ? sessionAttributes(scene, names) : {}),
  cart: (scene) => (personal(scene) ? { items: inCart(scene.visit), ...scene.visit.given?.cart } : {}),
  traits: (scene) => (personal(scene) && scene.visit.given?.traits) || {},
  consent: ({ visit }) => visit.consent,
})));
/** What the worker knows better than any caller, or adds to. */
const FIRM = ["new_visitor", "hour", "weekday", "page", "session", "cart", "traits", "consent"];

/**
 * Return the attributes of these names; a trusted caller's own come with them.
 * @param {Scene} scene
 * @param {string[]} names
 * @returns {Record<string, any>}
 */
export function attributesOf(scene, names) {
  const { visit: { given }, release: { rarer } } = scene;
  /** @type {Record<string, any>} */
  const made = given ? { ...given } : {};
  for (const name of names) {
    if (given && given[name] != null && !FIRM.includes(name)) continue;
    const make = MAKERS.get(name) ?? rarer?.MAKERS.get(name);
    if (make) made[name] = make(scene, names);
  }
  return made;
}

/** @param {Scene} scene */
function personal({ visit }) {
  return visit.consent.personalization;
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
