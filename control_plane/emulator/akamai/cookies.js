/** EdgeWorkers' `cookies`. */

export class Cookies {
  /** @param {string|string[]|null} [header] @param {{decode?: (text: string) => string}} [options] */
  constructor(header = "", { decode = decodeURIComponent } = {}) {
    const text = (Array.isArray(header) ? header[0] : header) ?? "";
    /** @type {[string, string][]} */
    this.pairs = [];
    for (const part of text.split(";")) {
      const equals = part.indexOf("=");
      if (equals > 0) this.add(part.slice(0, equals).trim(), decode(part.slice(equals + 1).trim()));
    }
  }

  toHeader() {
    return this.pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("; ");
  }

  /** @param {string} name @returns {string|undefined} */
  get(name) {
    return this.getAll(name)[0];
  }

  /** @param {string} name */
  getAll(name) {
    return this.pairs.filter(([own]) => own === name).map(([, value]) => value);
  }

  names() {
    return this.pairs.map(([name]) => name);
  }

  /** @param {string} name @param {string} value */
  add(name, value) {
    this.pairs.push([name, value]);
  }

  /** @param {string} name */
  delete(name) {
    this.pairs = this.pairs.filter(([own]) => own !== name);
  }
}

export class SetCookie {
  /** @param {any} [options] */
  constructor(options = {}) {
    Object.assign(this, options);
  }

  toHeader() {
    const { name, value = "", maxAge, domain, path, expires, httpOnly, secure, sameSite } =
      /** @type {any} */ (this);
    const parts = [`${name}=${encodeURIComponent(value)}`];
    if (maxAge !== undefined) parts.push(`Max-Age=${maxAge}`);
    if (domain) parts.push(`Domain=${domain}`);
    if (path) parts.push(`Path=${path}`);
    if (expires) parts.push(`Expires=${expires.toUTCString()}`);
    if (httpOnly) parts.push("HttpOnly");
    if (secure) parts.push("Secure");
    if (sameSite) parts.push(`SameSite=${sameSite === true ? "Strict" : sameSite}`);
    return parts.join("; ");
  }
}
