/**
 * Fills slots while a page streams by. The platform's rewriter cannot wait, and a decision must:
 * so the rewriter leaves marks that no page can hold, and this goes behind it and puts what was
 * decided in their place. What stands before a mark never waits for it.
 */

import { TextEncoder } from "encoding";
import { TransformStream } from "streams";
import { hex } from "./core/platform.js";

/**
 * @typedef {import("./core/decide.js").Decision|null} Decided
 * @typedef {{at: number, end: number, kind: string, slot: number}} Mark
 */

const encoder = new TextEncoder();
/** Content kept in case the end of its slot never comes. */
const MAX_DROPPED = 262_144;
const [ZERO, EQUALS] = [48, 61];
/** An attribute of an opening tag, the start and the end of what it holds. */
const KINDS = "aso";

/** A stream that puts text after all that passes. @param {() => string} last */
export function withEnd(last) {
  return new TransformStream({ flush: (out) => out.enqueue(encoder.encode(last())) });
}

export class Splicer {
  /** @param {(count: number) => Uint8Array} random */
  constructor(random) {
    this.name = `zfs${hex(random(12))}`;
    this.mark = encoder.encode(this.name);
    /** @type {(Decided|Promise<Decided>)[]} */
    this.decided = [];
    this.held = new Uint8Array(0);
    /** The slot whose own content is being left out, -1 for none. */
    this.leaving = -1;
    /** @type {Uint8Array[]} */
    this.dropped = [];
    this.droppedBytes = 0;
  }

  /**
   * Mark an element, to be filled with what is decided.
   * @param {any} element @param {Decided|Promise<Decided>} decided never rejects
   */
  add(element, decided) {
    const slot = this.decided.push(decided) - 1;
    element.setAttribute(`${this.name}a${slot}z`, "", { quote: '"' });
    element.prepend(`<!--${this.name}s${slot}z-->`);
    element.append(`<!--${this.name}o${slot}z-->`, { insert_implicit_close: true });
  }

  stream() {
    return new TransformStream({
      transform: (chunk, out) => this.#take(chunk, out),
      flush: (out) => this.#end(out),
    });
  }

  /** @param {Uint8Array} chunk @param {any} out */
  async #take(chunk, out) {
    let bytes = chunk;
    if (this.held.length) {
      bytes = new Uint8Array(this.held.length + chunk.length);
      bytes.set(this.held);
      bytes.set(chunk, this.held.length);
    }
    let from = 0;
    for (let mark = this.#next(bytes, 0); mark; mark = this.#next(bytes, from)) {
      this.#put(bytes.subarray(from, mark.at), out);
      from = mark.end;
      await this.#fill(mark, out);
    }
    const rest = this.#unfinished(bytes, from);
    this.#put(bytes.subarray(from, rest), out);
    this.held = bytes.slice(rest);
  }

  /** @param {any} out */
  #end(out) {
    this.#restore(out);
    if (this.held.length) out.enqueue(this.held);
  }

  /** @param {Mark} mark @param {any} out */
  async #fill({ kind, slot }, out) {
    if (this.leaving >= 0) {
      if (kind === "o" && slot === this.leaving) this.#forget();
      return;
    }
    const decision = kind === "o" ? null : await this.decided[slot];
    if (!decision) return;
    if (kind === "a") out.enqueue(encoder.encode(` data-fs-decision="${decision.id}"`));
    if (kind === "s" && decision.html !== null) {
      if (decision.html) out.enqueue(encoder.encode(decision.html));
      this.leaving = slot;
    }
  }

  /** @param {Uint8Array} bytes @param {any} out */
  #put(bytes, out) {
    if (!bytes.length) return;
    if (this.leaving < 0) {
      out.enqueue(bytes);
      return;
    }
    this.dropped.push(bytes.slice());
    this.droppedBytes += bytes.length;
    if (this.droppedBytes > MAX_DROPPED) this.#restore(out);
  }

  /**
   * A slot that has no end, or none in sight, keeps its own content after what was decided: the
   * page must not lose what follows. @param {any} out
   */
  #restore(out) {
    for (const bytes of this.dropped) out.enqueue(bytes);
    this.#forget();
  }

  #forget() {
    this.leaving = -1;
    this.dropped = [];
    this.droppedBytes = 0;
  }

  /** Return the next whole mark. @param {Uint8Array} bytes @param {number} from @returns {Mark|null} */
  #next(bytes, from) {
    for (let at = bytes.indexOf(this.mark[0], from); at >= 0; at = bytes.indexOf(this.mark[0], at + 1)) {
      if (!this.#isMark(bytes, at)) continue;
      const kind = String.fromCharCode(bytes[at + this.mark.length]);
      let slot = 0;
      let end = at + this.mark.length + 1;
      while (end < bytes.length && bytes[end] !== this.mark[0]) slot = slot * 10 + bytes[end++] - ZERO;
      if (end + 4 > bytes.length || !KINDS.includes(kind)) return null;
      // What follows the mark's last letter: ="" of an attribute, if that, or --> of a comment.
      end += kind === "a" && bytes[end + 1] !== EQUALS ? 1 : 4;
      return { at: at - (kind === "a" ? 1 : 4), end, kind, slot };
    }
    return null;
  }

  /** @param {Uint8Array} bytes @param {number} at */
  #isMark(bytes, at) {
    const length = Math.min(this.mark.length, bytes.length - at);
    for (let i = 1; i < length; i++) if (bytes[at + i] !== this.mark[i]) return false;
    return true;
  }

  /** Return where the part begins that may turn out to be a mark. @param {Uint8Array} bytes @param {number} from */
  #unfinished(bytes, from) {
    const longest = this.mark.length + 16;
    for (let at = Math.max(from, bytes.length - longest); at < bytes.length; at++) {
      const lead = bytes[at] === 32 ? 1 : bytes[at] === 60 ? leadOf(bytes, at) : 0;
      if (lead && this.#isMark(bytes, at + lead)) return at;
    }
    return bytes.length;
  }
}

/** Say how much of a comment's start stands here, 0 for none. @param {Uint8Array} bytes @param {number} at */
function leadOf(bytes, at) {
  const start = [60, 33, 45, 45];
  for (let i = 1; i < 4 && at + i < bytes.length; i++) if (bytes[at + i] !== start[i]) return 0;
  return 4;
}
