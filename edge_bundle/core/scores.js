/** A reusable sum of scores by item number: open addressing, no allocation per request. */

/** Scratch scores of the best so far. */
let kept = new Float64Array(64);

export class Scores {
  /** @param {number} [capacity] a power of two */
  constructor(capacity = 2048) {
    this.mask = capacity - 1;
    this.shift = Math.clz32(capacity) + 1;
    this.keys = new Int32Array(capacity).fill(-1);
    this.values = new Float64Array(capacity);
    /** Slots in use; half of all at most, so that probing stays short. */
    this.used = new Int32Array(capacity >> 1);
    this.size = 0;
  }

  clear() {
    for (let i = 0; i < this.size; i++) this.keys[this.used[i]] = -1;
    this.size = 0;
  }

  /** @param {number} item @param {number} score */
  add(item, score) {
    let slot = Math.imul(item, 0x9e3779b1) >>> this.shift;
    while (this.keys[slot] !== item) {
      if (this.keys[slot] === -1) {
        if (this.size === this.used.length) return this.#grow(item, score);
        this.keys[slot] = item;
        this.values[slot] = 0;
        this.used[this.size++] = slot;
        break;
      }
      slot = (slot + 1) & this.mask;
    }
    this.values[slot] += score;
  }

  /** @param {number} item @returns {number} its sum, 0 when it has none */
  get(item) {
    let slot = Math.imul(item, 0x9e3779b1) >>> this.shift;
    while (this.keys[slot] !== item) {
      if (this.keys[slot] === -1) return 0;
      slot = (slot + 1) & this.mask;
    }
    return this.values[slot];
  }

  /** Add the sums of others, times a scale. @param {Scores} others @param {number} scale */
  addAll(others, scale) {
    if (!this.size && this.mask === others.mask) return this.#copy(others, scale);
    for (let i = 0; i < others.size; i++) {
      const slot = others.used[i];
      this.add(others.keys[slot], scale * others.values[slot]);
    }
  }

  /** Take over another's places as they stand, without looking for any. @param {Scores} others @param {number} scale */
  #copy(others, scale) {
    for (let i = 0; i < others.size; i++) {
      const slot = others.used[i];
      this.used[i] = slot;
      this.keys[slot] = others.keys[slot];
      this.values[slot] = scale * others.values[slot];
    }
    this.size = others.size;
  }

  /** Call `each` with every item and its sum. @param {(item: number, score: number) => void} each */
  forEach(each) {
    for (let i = 0; i < this.size; i++) each(this.keys[this.used[i]], this.values[this.used[i]]);
  }

  max() {
    let max = 0;
    for (let i = 0; i < this.size; i++) max = Math.max(max, this.values[this.used[i]]);
    return max;
  }

  /**
   * Return the best items, best first; equal scores go to the lower number.
   * @param {number} limit
   * @param {(item: number) => boolean} refuse
   * @returns {number[]}
   */
  best(limit, refuse) {
    const { keys, values, used, size } = this;
    /** @type {number[]} */
    const items = [];
    if (kept.length < limit) kept = new Float64Array(2 * limit);
    let least = -Infinity;
    for (let i = 0; i < size; i++) {
      const score = values[used[i]];
      if (score < least) continue;
      const item = keys[used[i]];
      let place = items.length;
      if (place === limit && !before(score, item, least, items[place - 1])) continue;
      if (refuse(item)) continue;
      if (place === limit) place--;
      else items.push(item);
      for (; place > 0 && before(score, item, kept[place - 1], items[place - 1]); place--) {
        items[place] = items[place - 1];
        kept[place] = kept[place - 1];
      }
      items[place] = item;
      kept[place] = score;
      if (items.length === limit) least = kept[limit - 1];
    }
    return items;
  }

  /** @param {number} item @param {number} score */
  #grow(item, score) {
    const larger = new Scores(this.keys.length * 2);
    this.forEach((key, value) => larger.add(key, value));
    Object.assign(this, larger);
    this.add(item, score);
  }
}

/** @param {number} a @param {number} itemA @param {number} b @param {number} itemB */
function before(a, itemA, b, itemB) {
  return a > b || (a === b && itemA < itemB);
}
