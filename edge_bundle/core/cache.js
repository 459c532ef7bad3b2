/** Opened tables in isolate memory under a byte budget; those not used lately go first. */

/** @typedef {{bytes: number, used?: boolean}} Kept */

export class TableCache {
  /** @param {number} budget bytes of raw values kept */
  constructor(budget) {
    this.budget = budget;
    this.bytes = 0;
    this.hits = 0;
    this.reads = 0;
    /** In the order of the clock's hand. @type {Map<string, Kept>} */
    this.tables = new Map();
  }

  /** @param {string} key @returns {any} the table, or undefined */
  get(key) {
    const table = this.tables.get(key);
    if (table === undefined) return undefined;
    this.hits++;
    // The clock algorithm: a mark is far cheaper than moving the entry to the end.
    table.used = true;
    return table;
  }

  /** @param {string} key @param {Kept} table */
  put(key, table) {
    const old = this.tables.get(key);
    if (old) this.#drop(key, old);
    table.used = false;
    this.tables.set(key, table);
    this.bytes += table.bytes;
    for (const [oldest, entry] of this.tables) {
      if (this.bytes <= this.budget || oldest === key) break;
      this.#drop(oldest, entry);
      if (!entry.used) continue;
      entry.used = false;
      this.tables.set(oldest, entry);
      this.bytes += entry.bytes;
    }
  }

  /** @param {string} key @param {Kept} table */
  #drop(key, table) {
    this.tables.delete(key);
    this.bytes -= table.bytes;
  }
}
