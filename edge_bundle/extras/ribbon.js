/**
 * What a page says of itself in a preview: slot by slot, what was chosen and why. Markup and a
 * style sheet of ours alone: it works without scripts, whatever the shop's security policy.
 */

import { core } from "./core.js";
import { explainSlot } from "./explain.js";
import { PageSlots, asciiOf } from "./pages.js";
import { exitOf } from "./preview.js";
import { settingsOf } from "./settings.js";

/**
 * @typedef {import("../core/decide.js").Decision} Decision
 * @typedef {import("../core/visit.js").Call} Call
 */

const { escapeHtml: text, only, within } = core;

const OWN = "the page’s own content";
const encoder = new TextEncoder();
/** @type {[string, string][]} */
const CSS = [["content-type", "text/css; charset=utf-8"]];
/** Operators as people say them. @type {Record<string, string>} */
const WORDS = {
  $in: "one of", $nin: "none of", $ne: "not", $eq: "", $gt: "above", $gte: "at least", $lt: "below",
  $lte: "at most", $all: "all of", $size: "this many:", $exists: "known:", $regex: "like", $not: "not",
};

/**
 * `GET preview.css`: how the ribbon looks.
 * @param {unknown} edge @param {unknown} loader @param {import("../core/visit.js").Call} call
 * @returns {import("../core/answers.js").Answer}
 */
export function answer(edge, loader, call) {
  return only("GET", call) ?? { status: 200, kind: "bare", mark: "", headers: CSS, body: encoder.encode(RIBBON_CSS) };
}

/** Decides a page's slots and notes why. */
export class PreviewSlots extends PageSlots {
  /** @type {string[]} */
  told = [];
  /** @type {string[]} */
  shown = [];

  /** @param {string} name @param {{item: string, category: string}} page */
  async decide(name, page) {
    const decision = await super.decide(name, page);
    if (!decision) return null;
    this.told.push(slotText(name, decision, await this.#explain(name, decision, page)));
    this.shown.push(`${name}: ${decision.content ?? OWN}`);
    return decision;
  }

  /** @param {string} name @param {Decision} decision @param {{item: string, category: string}} page */
  async #explain(name, decision, page) {
    const { loader, edge, scene } = this;
    if (!scene) return null;
    try {
      const explaining = loader.settled(() => {
        scene.turnTo(page);
        return explainSlot(scene, name, decision);
      });
      return await within(Promise.resolve(explaining), settingsOf(edge).slotMs);
    } catch (error) {
      loader.health.fault("slot_unexplained", `${name.slice(0, 80)}: ${error}`);
      return null;
    }
  }

  /**
   * The ribbon's markup, once the page's slots are decided.
   * @param {Call} call @param {string|null} policy the page's Content-Security-Policy
   */
  ribbon(call, policy) {
    try {
      return asciiOf(this.#ribbon(call, policy));
    } catch (error) {
      this.loader.health.fault("ribbon_failed", String(error));
      return "";
    }
  }

  /** @param {Call} call @param {string|null} policy */
  #ribbon(call, policy) {
    const { prefix } = this.edge.config;
    const preview = /** @type {import("./preview.js").Preview} */ (this.loader.preview);
    const nonce = /'nonce-([\w+/=-]+)'/.exec(policy ?? "");
    const zone = this.scene?.release.rules.timezone ?? "UTC";
    const lines = factsOf(preview, this.scene?.release, zone).map((fact) => `<li>${text(fact)}</li>`);
    const shown = this.shown.join(" · ") || "no slot on this page";
    return (
      `<link rel="stylesheet" href="${text(prefix)}/preview.css"${nonce ? ` nonce="${nonce[1]}"` : ""}>` +
      `<aside id="fs-preview" lang="en" aria-label="Frontshelf preview"><details>` +
      `<summary><b>Preview</b> ${text(shown)}</summary>` +
      `<div><ul><li>Until ${timeText(preview.claims.until * 1000, zone)}</li>${lines.join("")}</ul>` +
      `${this.told.join("")}<p><a href="${text(exitOf(call))}">End the preview</a> ` +
      `<label><input type="checkbox"> Hide this on this page</label></p></div></details></aside>`
    );
  }
}

/**
 * What the preview forces, in words.
 * @param {import("./preview.js").Preview} preview
 * @param {import("../core/release.js").Release|undefined} release @param {string} zone
 */
function factsOf({ claims }, release, zone) {
  const { segments, country, at, variations = {}, slots = {}, manifest } = claims;
  const facts = [`Release ${release?.id ?? "none"}${manifest ? ", chosen by the link" : ", live"}`];
  if (manifest && release?.manifest !== manifest) facts[0] = "The link's release cannot be read: this is the live one";
  if (segments) facts.push(`Segments: ${segments.join(", ") || "none"}`);
  if (country) facts.push(`Country: ${country}`);
  if (at) facts.push(`Time: ${timeText(at, zone)}`);
  for (const key in variations) facts.push(`Experiment ${key}: variation ${variations[key]}`);
  for (const slot in slots) facts.push(`Slot ${slot}: ${slots[slot]}`);
  return facts;
}

/** @param {number} at epoch milliseconds @param {string} timeZone */
function timeText(at, timeZone) {
  const options = /** @type {const} */ ({ timeZone, dateStyle: "medium", timeStyle: "short" });
  return `${new Date(at).toLocaleString("en-GB", options)} (${timeZone})`;
}

/** @param {string} name @param {Decision} decision @param {any} told its explanation, null when there is none in time */
function slotText(name, { content, reason, experiment }, told) {
  const shown = content ?? OWN;
  const arm = experiment ? ` · variation ${experiment.variation} of ${experiment.key}` : "";
  const rules = (told?.rules ?? []).map(ruleText).join("");
  return (
    `<details class="slot"><summary><b>${text(name)}</b> ${text(shown)} <i>${text(reason + arm)}</i></summary>` +
    (rules ? `<ul>${rules}</ul>` : "<p>This slot has no rules.</p>") +
    (told?.because === "default" && rules ? "<p>No rule matched: the default.</p>" : "") +
    (told?.shelf ? shelfText(told.shelf) : "") +
    "</details>"
  );
}

/** @param {any} rule */
function ruleText({ id, outcome, tests, forced }) {
  const words = forced ? `forced by the preview: ${forced}` : outcome.replace("_", " ");
  const list = tests.map(testText).join("");
  return `<li class="${outcome}"><b>${text(id)}</b> ${text(words)}${list && `<ul>${list}</ul>`}</li>`;
}

/** @param {import("./explain.js").Test} test @returns {string} */
function testText({ test, expected, actual, met }) {
  const mark = met ? "✓" : "✗";
  if (test[0] !== "$") {
    return `<li>${mark} ${text(`${test}: wants ${wanted(expected)}, is ${plain(actual)}`)}</li>`;
  }
  return `<li>${mark} ${text(test)}<ul>${actual.flat().map(testText).join("")}</ul></li>`;
}

/** @param {any} expected @returns {string} */
function wanted(expected) {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) return plain(expected);
  return Object.keys(expected).map((name) => `${WORDS[name] ?? name} ${wanted(expected[name])}`).join(" and ");
}

/** @param {any} value @returns {string} */
function plain(value) {
  if (Array.isArray(value)) return value.length ? value.map(plain).join(", ") : "none";
  if (value === null) return "unknown";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {any} shelf */
function shelfText({ items, excluded }) {
  const rows = (/** @type {any[]} */ entries) => entries.map(itemText).join("");
  const off = excluded.slice(0, 8);
  return (
    "<table><thead><tr><th>Item<th>Score<th>From</tr></thead><tbody>" +
    `${rows(items)}</tbody>${off.length ? `<tbody class="off">${rows(off)}</tbody>` : ""}</table>`
  );
}

/** @param {any} entry */
function itemText({ item, score, sources, factor, why }) {
  const parts = Object.keys(sources).map((name) => `${name} ${sources[name].toPrecision(3)}`);
  const from = (parts.join(", ") || "boost") + (factor === 1 ? "" : ` × ${factor}`);
  const said = why ? `kept off: ${why.replace("_", " ")}` : from;
  return `<tr><td>${text(item ?? "?")}<td>${score === null ? "" : score.toPrecision(3)}<td>${text(said)}</tr>`;
}

/** The id outweighs a shop's own rules, and `revert` undoes what they say of plain elements. */
const RIBBON_CSS = `
#fs-preview,#fs-preview *{all:revert;box-sizing:border-box}
#fs-preview{position:fixed;z-index:2147483647;inset:auto 0 0 auto;max-width:100%;max-height:60vh;
overflow:auto;overflow-wrap:anywhere;background:#17181c;color:#f4f4f5;
font:14px/1.45 system-ui,sans-serif;border:3px solid #ffd24a;border-width:3px 0 0 3px}
#fs-preview:has(>[open]){left:0}
#fs-preview:has(:checked){display:none}
#fs-preview>details>div{padding:0 16px 12px;max-width:70rem;margin:auto}
#fs-preview summary{cursor:pointer;padding:8px 16px;min-height:24px}
#fs-preview b{font-weight:700}
#fs-preview label{margin-left:24px;padding:6px 0}
#fs-preview .slot{border-top:1px solid #45464f}
#fs-preview .slot>*:not(summary){margin-left:24px}
#fs-preview ul{margin:4px 0;padding-left:20px}
#fs-preview i{color:#d3d3da}
#fs-preview .not_reached{color:#a9a9b5}
#fs-preview .matched>b{color:#ffd24a}
#fs-preview a{color:#ffd24a;display:inline-block;padding:6px 0}
#fs-preview :focus-visible{outline:3px solid #8ec5ff;outline-offset:-3px}
#fs-preview table{border-collapse:collapse;font-size:13px}
#fs-preview th,#fs-preview td{text-align:left;padding:2px 16px 2px 0;color:inherit}
#fs-preview .off td{color:#a9a9b5}
@media print{#fs-preview{display:none}}
`;
