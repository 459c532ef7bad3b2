/** Slots: filled anew without loading the page, and what of them was seen and clicked. */

import { prefix } from "./base.js";
import { getConsent } from "./choice.js";
import { track } from "./events.js";
import { keepVisit, visit } from "./session.js";

const SHELF = "[data-fs-decision], [data-fs-list]";
/** @typedef {HTMLElement} Shelf a slot that the edge decided, or a list of the shop's own */

/** @type {WeakSet<Element>} slots this page has asked for */
const asked = new WeakSet();
let turn = 0;

const slots = () => /** @type {Shelf[]} */ ([...document.querySelectorAll("[data-fs-slot]")]);

/** Ask the edge again for slots, as after Back or within a one-page shop. */
export async function refill(elements = slots()) {
  await Promise.all(elements.map(refillOne));
  watch();
}

/** @param {Shelf} element */
async function refillOne(element) {
  const [{ dataset }, { dataset: page }, now] = [element, document.body, turn];
  asked.add(element);
  const query = new URLSearchParams({
    item: dataset.fsItem ?? page.fsItem ?? "", category: dataset.fsCategory ?? page.fsCategory ?? "",
  });
  try {
    const url = `${prefix}/slot/${encodeURIComponent(dataset.fsSlot ?? "")}?${query}`;
    const response = await fetch(url, { cache: "no-store" });
    const html = await response.text();
    if (now !== turn) return; // the visitor has moved on meanwhile
    if (response.status === 200) element.innerHTML = html;
    const decision = response.headers.get("frontshelf-decision");
    if (decision) dataset.fsDecision = decision;
  } catch {
    // What is shown stays.
  }
}

/** A one-page shop has moved: fill its slots, and those it puts up or changes from now on. */
export function moved() {
  if (!turn++) {
    new MutationObserver((changes) => {
      const changed = new Set(changes.filter(({ type }) => type[0] === "a").map((c) => c.target));
      refill(slots().filter((slot) =>
        !asked.has(slot) || changed.has(slot) || changed.has(document.body)));
    }).observe(document.documentElement, {
      childList: true, subtree: true,
      attributeFilter: ["data-fs-slot", "data-fs-item", "data-fs-category"],
    });
  }
  refill();
}

// ---- what was seen and clicked --------------------------------------------------------------

/** @type {WeakMap<Element, string|undefined>} the decision of each shelf that was seen */
const seen = new WeakMap();
const viewer = new IntersectionObserver(notice, { threshold: [0, 0.25, 0.5, 0.75, 1] });

let watching = 0;

/** Look at every shelf, once a frame at most; observing anew reports where it stands now. */
export function watch() {
  watching ||= requestAnimationFrame(() => {
    watching = 0;
    for (const shelf of document.querySelectorAll(SHELF)) {
      viewer.unobserve(shelf);
      viewer.observe(shelf);
    }
  });
}

/** A shelf is seen when its top edge is, whatever it holds, so that all arms count alike. */
function notice(/** @type {IntersectionObserverEntry[]} */ entries) {
  for (const { target, isIntersecting, boundingClientRect: { top } } of entries) {
    if (!isIntersecting || top < 0 || top > innerHeight) continue;
    viewer.unobserve(target);
    show(/** @type {Shelf} */ (target));
  }
}

/** @param {Shelf} shelf */
function show(shelf) {
  const facts = factsOf(shelf);
  const id = shelf.dataset.fsDecision;
  if (id) expose(id, facts);
  if (seen.has(shelf) && seen.get(shelf) === id) return;
  seen.set(shelf, id);
  const products = skus(shelf).map((sku, n) => ({ product_id: sku, position: n + 1 }));
  if (products.length) track("Product List Viewed", { ...facts, products });
  else if (id) track("Promotion Viewed", facts);
}

/**
 * Send an exposure once a session for each experiment that an id ends with, holdout included.
 * Tabs that are too quick for one another make the same message.
 * @param {string} id @param {any} facts
 */
function expose(id, facts) {
  if (!getConsent().analytics) return;
  for (const exposure of id.split(".").slice(5)) {
    const session = visit();
    if (!exposure || session.seen.includes(exposure)) continue;
    session.seen.push(exposure);
    keepVisit(session);
    const messageId = `${session.id}.${exposure}`;
    track("Experiment Viewed", { ...facts, exposure }, { messageId });
  }
}

/** @param {Shelf} shelf */
function factsOf({ dataset: { fsDecision: id, fsSlot: slot, fsList } }) {
  return { list_id: slot ?? fsList, decision: id && { id, slot } };
}

/** @param {Shelf} shelf */
const skus = (shelf) =>
  /** @type {Shelf[]} */ ([...shelf.querySelectorAll("[data-fs-sku]")]).map((e) => e.dataset.fsSku);

/** @param {MouseEvent} event */
export function onClick({ target, button }) {
  const hit = /** @type {Element} */ (target);
  const shelf = /** @type {Shelf|null} */ (hit.closest?.(SHELF));
  if (!shelf || button > 1 || !shelf.contains(hit.closest("a[href], button"))) return;
  const sku = /** @type {Shelf|null} */ (hit.closest("[data-fs-sku]"))?.dataset.fsSku;
  const facts = factsOf(shelf);
  const position = skus(shelf).indexOf(sku) + 1;
  if (sku) track("Product Clicked", { product_id: sku, position, ...facts });
  else if (facts.decision) track("Promotion Clicked", facts);
}
