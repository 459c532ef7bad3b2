/** The core, as far as it lends itself: whoever loads a module of this folder first calls `lend`. */

/** @typedef {typeof import("../core/kit.js").kit} Kit */

export const core = /** @type {Kit} */ ({});

/** @param {Kit} kit */
export function lend(kit) {
  Object.assign(core, kit);
}
