/**
 * What the core lends to the modules of extras/. These are loaded when a request needs one, so
 * they stand outside the worker's one script and can't import what is bundled into it.
 */

import { cookieHeaders, failure, json, jsonText } from "./answers.js";
import { liveRelease, only } from "./api.js";
import { attributesOf, categoriesOf, inCart } from "./attributes.js";
import { chooseVariation, hash } from "./bucket.js";
import { assign, choose, holdout } from "./choose.js";
import { Numbers, bitsAt, lowerBound, offsets, openTable, u16, u32 } from "./columns.js";
import { evaluate } from "./conditions.js";
import { list } from "./config.js";
import { readCookies, setCookie } from "./cookies.js";
import { decideOne, decideSlot } from "./decide.js";
import { AFTER, START, gapDecoder, longBits } from "./gaps.js";
import { fmix32, hashText } from "./hash.js";
import { same, signature } from "./identity.js";
import { Loader, reasonOf } from "./loader.js";
import { memo } from "./memo.js";
import { choiceNeeds, needsOf, slotNeeds } from "./needs.js";
import { fromBase64, hex, randomText, toBase64, within } from "./platform.js";
import { SPARE, allowedSources, fillShelf, parts, rank, ready, total } from "./recommend.js";
import { escapeHtml } from "./render.js";
import { Release, keyOf, listOf } from "./release.js";
import { Refusal, isObject, isShort, refuse } from "./requests.js";
import { Scene } from "./scene.js";
import { segmentNeeds } from "./segments.js";
import { Shelf } from "./shelf.js";
import { fillList } from "./sources.js";
import { keptVariation, shortName } from "./sticky.js";
import { ItemTable, OPEN_BYTES, PopularTable, RowTable } from "./tables.js";
import { isCrawler, visitOf } from "./visit.js";

export const kit = {
  AFTER, ItemTable, Loader, Numbers, OPEN_BYTES, PopularTable, Refusal, Release, RowTable, SPARE, START, Scene, Shelf,
  allowedSources, assign, attributesOf, bitsAt, categoriesOf, choiceNeeds, choose, chooseVariation, cookieHeaders, decideOne,
  decideSlot, escapeHtml, evaluate, failure, fillList, fillShelf, fmix32, fromBase64, gapDecoder, hash, hashText, hex,
  holdout, inCart, isCrawler, isObject, isShort, json, jsonText, keptVariation,
  keyOf, list, listOf, liveRelease, longBits, lowerBound, memo, needsOf, offsets, only, openTable, parts, randomText, rank,
  readCookies, ready, reasonOf, refuse, same, segmentNeeds, setCookie, shortName, signature,
  slotNeeds, toBase64, total, u16, u32, visitOf, within,
};
