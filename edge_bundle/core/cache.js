/** Opened tables in isolate memory under a byte budget, least recently used out first. */

export class TableCache {
  /** @param {number} budget bytes of raw values kept */
  constructor(budget) {
    this.budget = budget;
    this.bytes = 0;
    this.hits = 0;
    this.reads = 0;
    /** @type {Map<string, {bytes: number}>} */
    this.tables = new Map();
  }

  /** @param {string} key @returns {any} the table, or undefined */
  get(key) {
    const table = this.tables.get(key);
    if (table === undefined) return undefined;
    this.hits++;
    this.tables.delete(key);
    this.tables.set(key, table);
    return table;
  }

  /** @param {string} key @param {{bytes: number}} table */
  put(key, table) {
    const old = this.tables.get(key);
    if (old) this.#drop(key, old);
    this.tables.set(key, table);
    this.bytes += table.bytes;
    for (const [oldest, entry] of this.tables) {
      if (this.bytes <= this.budget || oldest === key) break;
      this.#drop(oldest, entry);
    }
  }

  /** @param {string} key @param {{bytes: number}} table */
  #drop(key, table) {
    this.tables.delete(key);
    this.bytes -= table.bytes;
  }
}
