/** Counts what the isolate decided and what went wrong, for `health` and the logs. */

const RECENT = 10;

export class Health {
  constructor() {
    /** Decisions by reason: a map is found faster in than an object without shape. */
    /** @type {Map<string, number>} */
    this.reasons = new Map();
    /** @type {Record<string, number>} */
    this.faults = Object.create(null);
    /** @type {{at: number, code: string, detail: string}[]} */
    this.recent = [];
  }

  /** @param {string} reason */
  decided(reason) {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  /** @param {string} code @param {string} detail never anything personal */
  fault(code, detail) {
    this.faults[code] = (this.faults[code] ?? 0) + 1;
    this.recent.push({ at: Date.now(), code, detail });
    if (this.recent.length > RECENT) this.recent.shift();
    console.warn(JSON.stringify({ frontshelf: code, detail }));
  }
}
