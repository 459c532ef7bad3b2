/**
 * Fills the slots of a page while its bytes come by, in pieces of any size. It tells tags from
 * text as browsers do (https://html.spec.whatwg.org/multipage/parsing.html#tokenization), in any
 * encoding that holds ASCII as ASCII, and keeps back a tag until it is whole, and nothing else.
 */

import {
  APOSTROPHE, BANG, BODY, BRACKET, DASH, EQUALS, F, FOREIGN, GREATER, LESS, QUESTION, QUOTE, RAW, S, SLASH,
  SLOT, SPACE, VOID, hashed,
} from "./tags.js";

/**
 * @typedef {import("../core/decide.js").Decision} Decision
 * @typedef {Promise<Decision|null>|null} Waiting a decision that must be waited for; never rejects
 */

const encoder = new TextEncoder();
const ATTRIBUTE = /([^\s=/]+)(?:\s*=\s*(?:(["'])(.*?)\2|(\S+)))?/gs;
/** What templates write for characters in values. */
const REFERENCE = /&(amp|lt|gt|quot|#34|#39|#x27);/g;
/** @type {Record<string, string>} */
const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'", "#x27": "'" };
/** A tag that is longer counts as text. */
const MAX_KEPT = 1 << 20;
/** Content left out that is kept in case its end never comes. */
const MAX_LEFT_OUT = 1 << 18;

/** Takes pieces; `ready` gives what can go on. */
export class Splicer {
  /** So that the shape is known for good: see core/loader.js. */
  static kept = new this(/** @type {any} */ ({ kinds: new Map() }), new TextDecoder());

  #slots;
  #decoder;
  #kinds;
  /** What is at hand: what was kept of the piece before, and this one. */
  #bytes = new Uint8Array(0);
  #at = 0;
  /** Up to here it is ready or left out. */
  #done = 0;
  /** What ends that which holds no tags: an element's name, or less than 0 the mark before a `>`. */
  #until = 0;
  /** Where a name ends. */
  #named = 0;
  /** Whether the slot has content. */
  #roomy = true;
  /** Hashes of the names of the elements that are open, outermost first. @type {number[]} */
  #open = [];
  /** How many are open around the slot whose content is left out; -1 for none. */
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
    this.#slots = slots;
    this.#decoder = decoder;
    this.#kinds = slots.kinds;
  }

  /** Take the next piece. @param {Uint8Array} piece @returns {Waiting} */
  take(piece) {
    const kept = this.#bytes.subarray(this.#done);
    this.#bytes = kept.length ? joined([kept, piece]) : piece;
    this.#at -= this.#done;
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

  /** Go on to the end of the piece, or to a slot that must wait: one loop, since a page has thousands of tags. @returns {Waiting} */
  #goOn() {
    const bytes = this.#bytes;
    const end = bytes.length;
    const open = this.#open;
    for (let at = this.#at; ; ) {
      if (this.#until) {
        at = this.#passed(at);
        if (at < 0) return null;
      }
      while (at < end && bytes[at] !== LESS) at++;
      if (at + 2 >= end) return this.#pause(at, at);
      const closing = bytes[at + 1] === SLASH;
      const from = closing ? at + 2 : at + 1;
      const letter = bytes[from] | 32;
      if (letter < 97 || letter > 122) {
        const to = this.#markup(at, bytes[from]);
        if (to < 0) return this.#pause(at, at);
        at = to;
        continue;
      }
      const name = this.#nameAt(from);
      const named = this.#named;
      const last = bytes[named] === GREATER ? named : tagEnd(bytes, named);
      if (last < 0) {
        if (end - at <= MAX_KEPT) return this.#pause(at, at);
        at = from;
        continue;
      }
      const kind = closing ? 0 : this.#kinds.get(name);
      if (closing) this.#close(name, at);
      else if (!kind) open.push(name);
      else {
        this.#at = last + 1;
        const waiting = this.#opened(name, kind, at);
        if (waiting) return waiting;
      }
      at = last + 1;
    }
  }

  /** Stop until the next piece. @param {number} at @param {number} from what must come again with it */
  #pause(at, from) {
    this.#at = at;
    this.#pass(from);
    return null;
  }

  /** Return the hash of a name; where it ends is kept. @param {number} at */
  #nameAt(at) {
    const bytes = this.#bytes;
    const end = bytes.length;
    let hash = 0;
    for (let c = 0; at < end && (c = bytes[at]) > SPACE && c !== SLASH && c !== GREATER; at++) hash = hashed(hash, c);
    this.#named = at;
    return hash;
  }

  /**
   * Pass what begins like a tag and has no name: a comment, what is treated like one, or text.
   * Return where to go on, -1 when that is not at hand.
   * @param {number} at @param {number} first what follows the `<`, or the slash of an end tag
   */
  #markup(at, first) {
    const bytes = this.#bytes;
    const bare = bytes[at + 1] === first;
    if (bare && first !== BANG && first !== QUESTION) return at + 1;
    if (bare && first === BANG) {
      const begins = String.fromCharCode(...bytes.subarray(at + 2, at + 9));
      if (begins.length < 7) return -1;
      if (begins.startsWith("--")) {
        this.#until = -DASH;
        return at + 4;
      }
      if (begins === "[CDATA[" && this.#isForeign()) {
        this.#until = -BRACKET;
        return at + 9;
      }
    }
    return bytes.indexOf(GREATER, at + 2);
  }

  /** Pass what holds no tags; return -1 when its end is not at hand. @param {number} at */
  #passed(at) {
    const bytes = this.#bytes;
    const end = bytes.length;
    const until = this.#until;
    for (; (at = seek(bytes, until < 0 ? GREATER : LESS, at)) < end; at++) {
      if (until < 0) {
        if (bytes[at - 1] !== -until || bytes[at - 2] !== -until) continue;
        this.#until = 0;
        return at + 1;
      }
      const closing = bytes[at + 1] === SLASH;
      const name = closing ? this.#nameAt(at + 2) : 0;
      if (at + 1 === end || (closing && this.#named === end)) break;
      if (name !== until) continue;
      this.#until = 0;
      return at;
    }
    this.#pause(at, until < 0 ? at - 2 : at);
    return -1;
  }

  /** Do what an element's start asks for. @param {number} name @param {number} kind @param {number} tag where it begins @returns {Waiting|undefined} */
  #opened(name, kind, tag) {
    const last = this.#at - 1;
    this.#roomy = !(kind & VOID);
    if (this.#roomy) this.#open.push(name);
    if (kind & RAW && !(this.#bytes[last - 1] === SLASH && this.#isForeign())) this.#until = name;
    if (this.#around >= 0 || !(kind & (SLOT | BODY)) || !isOurs(this.#bytes, this.#named, last)) return;
    const { slot, item, category } = saidIn(this.#decoder.decode(this.#bytes.subarray(this.#named, last)));
    if (kind & BODY && (item ?? category) !== undefined) this.#page = { item: item ?? "", category: category ?? "" };
    if (!(kind & SLOT) || slot === undefined) return;
    const page = this.#page;
    const decided = this.#slots.decide(slot, { item: item ?? page.item, category: category ?? page.category });
    if (!(decided instanceof Promise)) return this.#fill(decided);
    this.#pass(tag);
    return decided;
  }

  /** Say whether what stands here is no HTML. */
  #isForeign() {
    return this.#open.some((name) => this.#kinds.get(name) === FOREIGN);
  }

  /** Take an element from those that are open, with all within it. @param {number} name @param {number} tag where its end tag begins */
  #close(name, tag) {
    const open = this.#open;
    if (open[open.length - 1] === name) open.pop();
    else {
      const place = open.lastIndexOf(name);
      if (place < 0) return;
      open.length = place;
    }
    if (open.length > this.#around) return;
    this.#around = -1;
    this.#done = tag;
  }

  /** Fill the slot whose tag was read. @param {Decision|null} decision @returns {undefined} */
  #fill(decision) {
    if (!decision) return;
    // Behind the name it stands for itself, and counts before another of its name.
    this.#pass(this.#named);
    this.#parts.push(encoder.encode(` data-fs-decision="${decision.id}"`));
    if (typeof decision.html !== "string" || !this.#roomy) return;
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

/** So near, a byte is found faster by looking than by asking the platform to look. */
const NEAR = 16;

/** Return where a byte stands next, or the end. @param {Uint8Array} bytes @param {number} byte @param {number} at */
function seek(bytes, byte, at) {
  const end = bytes.length;
  const near = Math.min(at + NEAR, end);
  for (; at < near; at++) if (bytes[at] === byte) return at;
  if (at >= end) return end;
  const found = bytes.indexOf(byte, at);
  return found < 0 ? end : found;
}

/** Find where a tag ends, from behind its name; -1 when that is not at hand. @param {Uint8Array} bytes @param {number} at */
function tagEnd(bytes, at) {
  const end = bytes.length;
  for (let c = 0; ; ) {
    while (at < end && (c = bytes[at]) !== GREATER && c !== EQUALS) at++;
    if (at >= end) return -1;
    if (c === GREATER) return at;
    at++;
    while (at < end && (c = bytes[at]) <= SPACE) at++;
    if (c === QUOTE || c === APOSTROPHE) {
      at++;
      while (at < end && bytes[at] !== c) at++;
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

/**
 * Say whether a tag may have an attribute of ours: of a page's many elements few do, and to read
 * what one says costs as much as a hundred others.
 * @param {Uint8Array} bytes @param {number} at behind its name @param {number} last
 */
function isOurs(bytes, at, last) {
  for (; at < last; at++) if (bytes[at] === DASH && (bytes[at + 1] | 32) === F && (bytes[at + 2] | 32) === S) return true;
  return false;
}

/** Return what a tag's attributes say to us, the first of each name. @param {string} text */
function saidIn(text) {
  /** @type {string|undefined} */
  let slot;
  /** @type {string|undefined} */
  let item;
  /** @type {string|undefined} */
  let category;
  for (const [, name, , quoted, bare] of text.matchAll(ATTRIBUTE)) {
    const value = (quoted ?? bare ?? "").replace(REFERENCE, (_, named) => CHARACTERS[named]);
    switch (name.toLowerCase()) {
      case "data-fs-slot": slot ??= value; break;
      case "data-fs-item": item ??= value; break;
      case "data-fs-category": category ??= value;
    }
  }
  return { slot, item, category };
}
