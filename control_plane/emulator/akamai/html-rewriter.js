/** EdgeWorkers' `html-rewriter`, over workerd's parser. Handlers cannot wait. */

import { bound, native } from "./host.js";

export class HtmlRewritingStream {
  #rewriter = new native.HTMLRewriter();
  #input = new native.TransformStream({
    transform(chunk, out) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("the rewriter reads bytes");
      out.enqueue(chunk);
    },
  });
  #output;

  get writable() {
    return this.#input.writable;
  }

  get readable() {
    const html = { "content-type": "text/html" };
    return (this.#output ??= this.#rewriter.transform(
      new native.Response(this.#input.readable, { headers: html }),
    ).body);
  }

  /** @param {string} selector @param {(element: Element) => void} handler */
  onElement(selector, handler) {
    if (this.#output) throw new Error("the stream is already being rewritten");
    if (BEYOND.test(selector)) throw new TypeError(`${selector} is beyond the rewriter's selectors`);
    const run = bound(handler);
    this.#rewriter.on(selector, {
      element(/** @type {any} */ found) {
        const element = new Element(selector, found);
        const result = run(element);
        element.end();
        if (typeof result?.then === "function") throw new TypeError("a handler cannot be async");
      },
    });
  }
}

const HTML = { html: true };
/** The documentation names types, classes, attributes, ids, :not, descendants and children. */
const BEYOND = /[,+]|~(?!=)|:(?!not\()/;

/** The element that a handler may change, while it runs. */
class Element {
  #found;

  /** @param {string} selector @param {any} found */
  constructor(selector, found) {
    this.#found = found;
    this.selector = selector;
    this.tag = found.tagName;
  }

  end() {
    this.#found = null;
  }

  #element() {
    if (!this.#found) throw new Error("the element is used after its handler");
    return this.#found;
  }

  /** @param {string} text @param {any} [options] */
  after(text, options) {
    checkTrailing(options);
    this.#element().after(checkText(text), HTML);
  }

  /** @param {string} text @param {any} [options] */
  append(text, options) {
    checkTrailing(options);
    this.#element().append(checkText(text), HTML);
  }

  /** @param {string} text */
  before(text) {
    this.#element().before(checkText(text), HTML);
  }

  /** @param {string} text */
  prepend(text) {
    this.#element().prepend(checkText(text), HTML);
  }

  /** @param {string} text @param {any} [options] */
  replaceChildren(text, options) {
    checkTrailing(options);
    this.#element().setInnerContent(checkText(text), HTML);
  }

  /** @param {string} text */
  replaceWith(text) {
    this.#element().replace(checkText(text), HTML);
  }

  /** @param {string} name @returns {string|undefined} */
  getAttribute(name) {
    return this.#element().getAttribute(name) ?? undefined;
  }

  /** @param {string} name @returns {string|undefined} */
  removeAttribute(name) {
    const value = this.getAttribute(name);
    this.#element().removeAttribute(name);
    return value;
  }

  /** @param {string} name @param {string} value @param {{quote: string}} [options] */
  setAttribute(name, value, options) {
    if (options && !["'", '"'].includes(options.quote)) throw new TypeError("quote is ' or \"");
    this.#element().setAttribute(name, checkText(value));
  }
}

/** @param {any} text @returns {string} */
function checkText(text) {
  if (typeof text !== "string") throw new TypeError("only text can be inserted");
  return text;
}

/** @param {any} options */
function checkTrailing(options) {
  if (options && typeof options.insert_implicit_close !== "boolean") {
    throw new TypeError("options need insert_implicit_close");
  }
}
