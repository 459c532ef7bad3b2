/** Sources that few shops' shelves are made of: rows of items beside their neighbours, and what is trending or new. */

import { core } from "./core.js";
import { scale } from "./scale.js";

const { Numbers, RowTable, categoriesOf, fillList, hashText, hex, inCart, keyOf, openTable } = core;

/**
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {import("../core/scene.js").Scene} Scene
 * @typedef {import("../core/scores.js").Scores} Scores
 * @typedef {{table: RelatedTable, number: number}} Related
 */

/** Items of the cart whose rows are summed, the newest. */
const CART_ITEMS = 10;
/** What an item's being of the kind of one just looked at adds to how new things are ranked. */
const LIKED = 8;

/** Rows of another kind, of those of a run of item numbers that have one. */
export class RelatedTable extends RowTable {
  /** @param {Record<string, any>} table @param {number} size bytes of its value */
  constructor(table, size) {
    super(table, size);
    /** How many items without a row come before each that has one. */
    this.empty = new Numbers(table, "empty", table.count);
  }

  /** @override @param {number} number */
  place(number) {
    const wanted = number - this.first;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (middle + this.empty.at(middle) < wanted) low = middle + 1;
      else high = middle;
    }
    return low < this.count && low + this.empty.at(low) === wanted ? low : -1;
  }
}

/** @param {ArrayBuffer} buffer */
function openRelated(buffer) {
  return new RelatedTable(openTable(buffer, "related"), buffer.byteLength);
}

/** Look up what a source reads. Say whether it is there; if not, it is noted as missing. @param {Scene} scene @param {string} source */
export function lookUpSource(scene, source) {
  const { loader, release } = scene;
  switch (source) {
    case "also_bought":
    case "similar":
      return (scene.related[source] ??= findAll(scene, source)) !== undefined;
    case "trending":
    case "new":
      if (scene.latest === undefined) {
        const { latest } = release.body;
        scene.latest = latest ? loader.table(`p-${hex(latest)}`, release.open.popular) : null;
      }
      return scene.latest !== undefined;
  }
  return true;
}

/** @param {Scene} scene @param {string} source @param {Scores} sums */
export function fillSource(scene, source, sums) {
  const { latest, country } = scene;
  switch (source) {
    case "also_bought":
    case "similar":
      return scene.related[source]?.forEach(({ table, number }) => table.addRow(number, 1, sums));
    case "trending":
      return fillList(latest?.list(`trending:${country}`) ?? latest?.list("trending"), sums);
    case "new":
      return fillNew(scene, sums);
  }
}

/** The rows of the page's item, else of those in the cart. @param {Scene} scene @param {string} kind @returns {Related[]|undefined} */
function findAll({ loader, release, visit }, kind) {
  const cart = visit.consent.personalization ? [...new Set(inCart(visit))] : [];
  const skus = visit.page.item ? [visit.page.item] : cart.slice(-CART_ITEMS);
  const found = skus.map((sku) => findRelated(loader, release, kind, sku));
  return found.includes(undefined) ? undefined : /** @type {any[]} */ (found.filter(Boolean));
}

/**
 * Find the table of an item's other rows; null when it has none, undefined until it is read.
 * It is asked for along with the item's own value where all of that value's items share it.
 * @param {Loader} loader @param {Release} release @param {string} kind @param {string} sku
 * @returns {Related|null|undefined}
 */
function findRelated(loader, release, kind, sku) {
  const list = release.list(loader, kind);
  const found = release.find(loader, sku);
  if (!list || found === null) return list && null;
  const [first, last] = found ? [found.number, found.number] : span(loader, release, sku);
  const key = keyOf(list, first);
  if (!key || key !== keyOf(list, last)) return undefined;
  const table = loader.table(key, openRelated);
  return found && (table ? { table, number: found.number } : table);
}

/**
 * The first and last number of the value that an SKU would stand in, -1 until it is known which.
 * @param {Loader} loader @param {Release} release @param {string} sku
 */
function span(loader, release, sku) {
  const place = release.placeOf(loader, hashText(sku)) ?? -1;
  const { firsts } = release.lists.items;
  return [firsts[place] ?? -1, (firsts[place + 1] ?? release.body.items.count) - 1];
}

/** Rank what is new, first of the kinds that the session looked at most. @param {Scene} scene @param {Scores} sums */
function fillNew({ latest, recent }, sums) {
  const list = latest?.list("new");
  fillList(list, sums);
  if (!list || !recent?.length) return;
  const liked = categoriesOf(recent);
  scale(sums, (item) => {
    const category = latest?.card(item)?.category;
    return category ? 1 + LIKED * liked.filter((one) => one === category).length : 1;
  });
}
