/**
 * What the core lends to the modules of extras/. These are loaded when a request needs one, so
 * they stand outside the worker's one script and can't import what is bundled into it.
 */

import { cookieHeaders, json } from "./answers.js";
import { chooseVariation, hash } from "./bucket.js";
import { isTrusted } from "./callers.js";
import { assign, choose } from "./choose.js";
import { openTable, u16, u32 } from "./columns.js";
import { evaluate } from "./conditions.js";
import { readCookies, setCookie } from "./cookies.js";
import { fmix32 } from "./hash.js";
import { same } from "./identity.js";
import { reasonOf } from "./loader.js";
import { choiceNeeds, needsOf, slotNeeds } from "./needs.js";
import { PageSlots } from "./pages.js";
import { fromBase64, randomText, toBase64, within } from "./platform.js";
import { SPARE, Shelf, allowedSources, fillShelf, parts, rank, ready, total } from "./recommend.js";
import { asciiOf, escapeHtml } from "./render.js";
import { Refusal, parseObject, withBody } from "./requests.js";
import { Scene } from "./scene.js";
import { keptVariation, shortName } from "./sticky.js";
import { ItemTable, PopularTable, VisitorTable } from "./tables.js";
import { visitOf } from "./visit.js";
import { factorOf, findClasses } from "./weights.js";

export const kit = {
  ItemTable, PageSlots, PopularTable, Refusal, SPARE, Scene, Shelf, VisitorTable, allowedSources,
  asciiOf, assign, choiceNeeds, choose, chooseVariation, cookieHeaders, escapeHtml, evaluate, factorOf,
  fillShelf, findClasses, fmix32, fromBase64, hash, isTrusted, json, keptVariation, needsOf,
  openTable, parseObject, parts, randomText, rank, readCookies, ready, reasonOf, same, setCookie, shortName,
  slotNeeds, toBase64, total, u16, u32, visitOf, within, withBody,
};
