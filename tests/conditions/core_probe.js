/** Runs the bundle's conditions, bucketing and MessagePack reader for tests, in a batch. */

import { bucketRanges, chooseVariation, hash, inNamespace } from "./core/bucket.js";
import { evaluate } from "./core/conditions.js";
import { decode } from "./core/msgpack.js";

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Say what was decoded in JSON, which has neither bytes nor large integers. */
function told(value) {
  if (value instanceof Uint8Array) return { bytes: [...value], view: value.byteOffset > 0 };
  if (typeof value === "bigint") return { integer: String(value) };
  if (typeof value === "number" && !Number.isSafeInteger(value)) return { number: String(value) };
  if (Object.is(value, -0)) return { number: "-0" };
  if (Array.isArray(value)) return value.map(told);
  if (value === null || typeof value !== "object") return value;
  if (Object.getPrototypeOf(value) !== null) throw new Error("a map has a prototype");
  return { map: Object.keys(value).map((key) => [key, told(value[key])]) };
}

const probes = {
  evaluate: ({ condition, attributes, groups }) => evaluate(condition, attributes, groups),
  nested: ({ json }) => {
    const a = JSON.parse(json);
    return ["x", [[[]]]].map((expected) => evaluate({ a: expected }, { a }));
  },
  hash: ({ seed, value, version }) => hash(seed, value, version),
  ranges: ({ count, coverage, weights }) => bucketRanges(count, coverage, weights),
  choose: ({ n, ranges }) => chooseVariation(n, ranges),
  namespace: ({ id, namespace }) => inNamespace(id, namespace),
  decode: ({ value }) => {
    try {
      return { value: told(decode(bytesOf(value))) };
    } catch (error) {
      return { error: String(error) };
    }
  },
};

export default {
  async fetch(request) {
    const { probe, cases } = await request.json();
    return Response.json(cases.map((one) => probes[probe](one)));
  },
};
