/**
 * Fills the slots of a page while its bytes come by, in pieces of any size. It tells tags from
 * text as browsers do (https://html.spec.whatwg.org/multipage/parsing.html#tokenization), in any
 * encoding that holds ASCII as ASCII, and keeps nothing back but a slot's own tag, a name that is
 * not whole, and what may turn out to end a comment or a script.
 */

import { BODY, FOREIGN, RAW, SCRIPT, SLOT, VOID, hashed } from "./tags.js";

/**
 * @typedef {import("./decide.js").Decision} Decision
 * @typedef {Promise<Decision|null>|null} Waiting a decision that must be waited for; never rejects
 */

// Where in a page it is; from INSIDE on, within a tag.
const TEXT = 0;
const CONTENT = 1;
const COMMENT = 2;
const CDATA = 3;
const BOGUS = 4;
const REST = 5;
const INSIDE = 6;
const VALUE = 7;
const BARE = 8;
/** What kind an end tag is. */
const CLOSING = -1;

const SPACE = 32;
const BANG = 33;
const QUOTE = 34;
const APOSTROPHE = 39;
const DASH = 45;
const SLASH = 47;
const LESS = 60;
const EQUALS = 61;
const GREATER = 62;
const QUESTION = 63;
const BRACKET = 93;

const ATTRIBUTE = /([^\s=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+)))?/g;
const REFERENCE = /&(?:#(x?)([\da-f]+)|(amp|lt|gt|quot|apos));/gi;
/** @type {Record<string, string>} */
const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** A slot's tag that is longer is like any other; after such a name all that follows passes. */
const MAX_KEPT = 1 << 20;
/** Content left out that is kept in case its end never comes. */
const MAX_LEFT_OUT = 1 << 18;
/** More than are ever open. */
const NOWHERE = 1e9;

const encoder = new TextEncoder();

/** Takes pieces; `ready` gives what can go on. */
export class Splicer {
  /** What is at hand: what was kept of the piece before, and this one. */
  #bytes = new Uint8Array(0);
  #at = 0;
  /** Up to here it is ready or left out. */
  #done = 0;
  #state = TEXT;
  /** Where the last tag begins and where its name ends, or where a comment's text begins. */
  #tag = 0;
  #named = 0;
  #name = 0;
  #kind = 0;
  #quote = 0;
  /** Of scripts: 1 within a comment, 2 within a script in a comment. */
  #nested = 0;
  /** Hashes of the names of the elements that are open, outermost first. @type {number[]} */
  #open = [];
  /** How many are open around what is foreign, and around the slot whose content is left out. */
  #foreign = NOWHERE;
  #around = -1;
  #page = { item: "", category: "" };
  /** @type {Uint8Array[]} */
  #parts = [];
  /** @type {Uint8Array[]} */
  #leftOut = [];
  #leftOutBytes = 0;

  /**
   * @param {import("./pages.js").PageSlots} slots
   * @param {{decode: (bytes: Uint8Array) => string}} decoder of the page's encoding
   */
  constructor(slots, decoder) {
    this.slots = slots;
    this.decoder = decoder;
    this.kinds = slots.edge.config.kinds;
  }

  /** Take the next piece. @param {Uint8Array} piece @returns {Waiting} */
  take(piece) {
    const done = this.#done;
    const kept = this.#bytes.subarray(done);
    this.#bytes = kept.length ? joined([kept, piece]) : piece;
    this.#at -= done;
    this.#tag -= done;
    this.#named -= done;
    this.#done = 0;
    return this.#goOn();
  }

  /** Go on with what was waited for. @param {Decision|null} decision @returns {Waiting} */
  fill(decision) {
    this.#fill(decision);
    return this.#goOn();
  }

  /** Let what was kept go on, and ASCII behind it. @param {string} more */
  end(more) {
    // A slot that has no end must not cost the page what follows it.
    if (this.#around >= 0) this.#parts.push(...this.#leftOut);
    this.#parts.push(this.#bytes.subarray(this.#done), encoder.encode(more));
  }

  /** Return what can go on, once. @returns {Uint8Array} */
  ready() {
    const made = joined(this.#parts);
    this.#parts = [];
    return made;
  }

  /** @returns {Waiting} */
  #goOn() {
    for (;;) {
      const state = this.#state;
      const waiting =
        state >= INSIDE ? this.#inside() : state > CONTENT ? this.#passing() : state ? this.#content() : this.#text();
      if (waiting !== undefined) return waiting;
    }
  }

  /** Stop until the next piece. @param {number} at @param {number} from what must come again with it */
  #pause(at, from) {
    const end = this.#bytes.length;
    this.#at = at;
    this.#pass(from);
    if (end - from > MAX_KEPT) {
      this.#around = -1;
      this.#state = REST;
      this.#pass((this.#at = end));
    }
    return null;
  }

  /** Text and whole tags that are of no moment, in one loop: nearly all of a page. */
  #text() {
    const bytes = this.#bytes;
    const end = bytes.length;
    const open = this.#open;
    let at = this.#at;
    for (;;) {
      while (at < end && bytes[at] !== LESS) at++;
      const closing = at + 1 < end && bytes[at + 1] === SLASH;
      let to = closing ? at + 2 : at + 1;
      if (to >= end) return this.#pause(at, at);
      let c = bytes[to] | 32;
      if (c < 97 || c > 122) return this.#markup(at, to);
      let name = 0;
      while (to < end && (c = bytes[to]) > SPACE && c !== SLASH && c !== GREATER) {
        name = hashed(name, c);
        to++;
      }
      if (to === end) return this.#pause(at, at);
      let kind = CLOSING;
      if (closing) this.#close(name, at);
      else kind = this.kinds.get(name) ?? 0;
      const last = kind > VOID ? -1 : c === GREATER ? to : tagEnd(bytes, to);
      if (last < 0) {
        this.#tag = at;
        this.#named = this.#at = to;
        this.#name = name;
        this.#kind = kind;
        this.#state = INSIDE;
        return;
      }
      if (!kind) open.push(name);
      at = last + 1;
    }
  }

  /**
   * What begins like a tag and has no name: a comment, what is treated like one, or text.
   * @param {number} at @param {number} to of what follows `<`, or the slash of an end tag
   */
  #markup(at, to) {
    const bytes = this.#bytes;
    const bare = to === at + 1;
    this.#at = this.#named = to;
    if (bare && bytes[to] !== BANG && bytes[to] !== QUESTION) return;
    const begins = String.fromCharCode(...bytes.subarray(to, to + 8));
    const like = (/** @type {string} */ opening) => bare && opening.startsWith(begins.slice(0, opening.length));
    const comment = like("!--");
    const section = this.#foreign < NOWHERE && like("![CDATA[");
    if ((comment && begins.length < 3) || (section && begins.length < 8)) return this.#pause(at, at);
    this.#state = comment ? COMMENT : section ? CDATA : BOGUS;
    if (comment) this.#at = this.#named = to + 3;
  }

  /** The attributes of a tag, to its end. */
  #inside() {
    const bytes = this.#bytes;
    const end = bytes.length;
    const kind = this.#kind;
    let at = this.#at;
    let c = 0;
    for (;;) {
      if (this.#state === INSIDE) {
        while (at < end && (c = bytes[at]) !== GREATER && c !== EQUALS) at++;
        if (at === end) break;
        this.#at = ++at;
        this.#state = c === EQUALS ? VALUE : TEXT;
        if (c === GREATER) return kind < 0 ? undefined : this.#opened();
      }
      if (this.#state === VALUE) {
        while (at < end && (c = bytes[at]) <= SPACE) at++;
        if (at === end) break;
        this.#quote = c === QUOTE || c === APOSTROPHE ? c : 0;
        this.#state = BARE;
        if (this.#quote) at++;
      }
      const quote = this.#quote;
      while (at < end && ((c = bytes[at]), quote ? c !== quote : c > SPACE && c !== GREATER)) at++;
      if (at === end) break;
      if (quote) at++;
      this.#state = INSIDE;
    }
    const kept = this.#around < 0 && kind > 0 && kind & (SLOT | BODY);
    if (kept && at - this.#tag <= MAX_KEPT) return this.#pause(at, this.#tag);
    if (kept) this.#kind = 0;
    return this.#pause(at, at);
  }

  /** Do what an element's start asks for, at the end of its tag. */
  #opened() {
    const open = this.#open;
    const kind = this.#kind;
    const at = this.#at;
    if (!(kind & VOID)) open.push(this.#name);
    // A slot's element ends what is foreign; what is empty is none.
    if (kind & SLOT) this.#foreign = NOWHERE;
    else if (kind & FOREIGN && this.#bytes[at - 2] !== SLASH) this.#foreign = Math.min(this.#foreign, open.length - 1);
    if (kind & RAW && this.#foreign === NOWHERE) {
      this.#state = CONTENT;
      this.#nested = 0;
    }
    if (this.#around >= 0 || !(kind & (SLOT | BODY))) return;
    const { slot, item, category } = attributesOf(this.decoder.decode(this.#bytes.subarray(this.#named, at - 1)));
    if (kind & BODY && (item ?? category) !== undefined) this.#page = { item: item ?? "", category: category ?? "" };
    if (!(kind & SLOT) || slot === undefined) return;
    const page = this.#page;
    const decided = this.slots.decide(slot, { item: item ?? page.item, category: category ?? page.category });
    if (!(decided instanceof Promise)) return this.#fill(decided);
    this.#pass(this.#tag);
    return decided;
  }

  /** Take an element from those that are open, with all within it. @param {number} name @param {number} at of its end tag */
  #close(name, at) {
    const open = this.#open;
    if (open[open.length - 1] === name) open.pop();
    else {
      const place = open.lastIndexOf(name);
      if (place < 0) return;
      open.length = place;
    }
    if (open.length <= this.#foreign) this.#foreign = NOWHERE;
    if (open.length > this.#around) return;
    this.#around = -1;
    this.#done = at;
  }

  /** Text up to its element's end tag. */
  #content() {
    const bytes = this.#bytes;
    const end = bytes.length;
    const script = (this.kinds.get(this.#name) ?? 0) & SCRIPT;
    for (let at = this.#at; ; at++) {
      while (at < end && bytes[at] !== LESS && !(this.#nested && this.#follows(at, DASH))) at++;
      if (at === end) return this.#pause(at, this.#nested ? at - 2 : at);
      if (bytes[at] === GREATER) {
        this.#nested = 0;
        continue;
      }
      if (at + 4 > end) return this.#pause(at, at);
      if (script && bytes[at + 1] === BANG && bytes[at + 2] === DASH && bytes[at + 3] === DASH) {
        this.#nested ||= 1;
        at += 3;
        continue;
      }
      const closing = bytes[at + 1] === SLASH;
      if (!closing && this.#nested !== 1) continue;
      let to = closing ? at + 2 : at + 1;
      let name = 0;
      let c = 0;
      while (to < end && (c = bytes[to]) > SPACE && c !== SLASH && c !== GREATER) {
        name = hashed(name, c);
        to++;
      }
      if (to === end) return this.#pause(at, at);
      if (name !== this.#name) continue;
      if (closing && this.#nested < 2) {
        this.#close(name, at);
        this.#at = to;
        this.#kind = CLOSING;
        this.#state = INSIDE;
        return;
      }
      this.#nested = closing ? 1 : 2;
    }
  }

  /** Comments, CDATA sections, what is treated like them, and all that follows what is too long. */
  #passing() {
    const bytes = this.#bytes;
    const end = bytes.length;
    const state = this.#state;
    for (let at = state === REST ? end : this.#at; at < end; at++) {
      if (bytes[at] !== GREATER) continue;
      if (state < BOGUS && !this.#follows(at, state === CDATA ? BRACKET : DASH) && !this.#barks(at)) continue;
      this.#at = at + 1;
      this.#state = TEXT;
      return;
    }
    return this.#pause(end, state < BOGUS ? end - 3 : end);
  }

  /** Say whether a `>` stands here behind two such characters. @param {number} at @param {number} mark */
  #follows(at, mark) {
    const bytes = this.#bytes;
    return bytes[at] === GREATER && bytes[at - 1] === mark && bytes[at - 2] === mark;
  }

  /** Say whether a comment ends here by `--!>`. @param {number} at */
  #barks(at) {
    const bytes = this.#bytes;
    const inside = this.#state === COMMENT && at - 3 >= this.#named;
    return inside && bytes[at - 1] === BANG && bytes[at - 2] === DASH && bytes[at - 3] === DASH;
  }

  /** Fill the slot whose tag was read. @param {Decision|null} decision @returns {undefined} */
  #fill(decision) {
    if (!decision) return;
    // Behind the name it stands for itself, and counts before another of its name.
    this.#pass(this.#named);
    this.#parts.push(encoder.encode(` data-fs-decision="${decision.id}"`));
    if (typeof decision.html !== "string" || this.#kind & VOID) return;
    this.#pass(this.#at);
    this.#parts.push(encoder.encode(decision.html));
    this.#around = this.#open.length - 1;
    this.#leftOut = [];
    this.#leftOutBytes = 0;
  }

  /** Let what is at hand go on, or leave it out. @param {number} to */
  #pass(to) {
    if (to === this.#done) return;
    const part = this.#bytes.subarray(this.#done, to);
    this.#done = to;
    if (this.#around < 0) this.#parts.push(part);
    else if ((this.#leftOutBytes += part.length) <= MAX_LEFT_OUT) this.#leftOut.push(part);
    else this.#leftOut = [];
  }
}

/** Find the end of a tag from behind its name; -1 when it is not at hand. @param {Uint8Array} bytes @param {number} at */
function tagEnd(bytes, at) {
  const end = bytes.length - 1;
  let c = 0;
  for (;;) {
    while (at < end && (c = bytes[at]) !== GREATER && c !== EQUALS) at++;
    if (at >= end) return -1;
    if (c === GREATER) return at;
    do at++;
    while (at < end && (c = bytes[at]) <= SPACE);
    if (c === QUOTE || c === APOSTROPHE) {
      const quote = c;
      do at++;
      while (at < end && bytes[at] !== quote);
      at++;
    } else while (at < end && (c = bytes[at]) > SPACE && c !== GREATER) at++;
  }
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Return what a tag says in attributes of ours. @param {string} text @returns {Record<string, string|undefined>} */
function attributesOf(text) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [, name, ...values] of text.matchAll(ATTRIBUTE)) {
    const [, own] = /^data-fs-(slot|item|category)$/i.exec(name) ?? [];
    if (own) found[own.toLowerCase()] ??= unescaped(values.find((value) => value !== undefined) ?? "");
  }
  return found;
}

/** Read character references as attributes hold them. @param {string} text */
function unescaped(text) {
  return text.replace(REFERENCE, (_, hexadecimal, digits, name) =>
    name ? CHARACTERS[name.toLowerCase()] : String.fromCharCode(Number(`0${hexadecimal}${digits}`)),
  );
}
