/** What only some releases take: loaded with the first of these. */

export { MAKERS } from "./facts.js";
export { addLists, marketTable, pageOf, wholeList } from "./lists.js";
export { fillSource, lookUpSource } from "./sources.js";
