/** Answers POSTs of [{module, export, args, chain}] with [{result} or {error}]; see edge_js.py. */

import { modules } from "./modules.js";

const MARKS = ["$bytes", "$undefined", "$number", "$bigint", "$map", "$object"];

export default {
  async fetch(request) {
    const answers = [];
    for (const call of await request.json()) answers.push(await answer(call));
    return Response.json(answers);
  },
};

async function answer({ module, export: name, args, chain }) {
  try {
    if (!(module in modules)) throw new ReferenceError(`no module ${module} in the core`);
    if (!(name in modules[module])) throw new ReferenceError(`no export ${name} in ${module}`);
    const exported = modules[module][name];
    let result = typeof exported === "function" ? call(exported, args.map(decode)) : exported;
    for (const [method, rest] of chain) result = (await result)[method](...rest.map(decode));
    return { result: encode(await result) };
  } catch (error) {
    const { name = "Error", message = String(error), stack = "" } = error ?? {};
    return { error: { name, message, stack } };
  }
}

function call(exported, args) {
  const isClass = /^class\b/.test(Function.prototype.toString.call(exported));
  return isClass ? new exported(...args) : exported(...args);
}

function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value);
  const mark = keys.length === 1 && MARKS.includes(keys[0]) ? keys[0] : null;
  switch (mark) {
    case "$undefined":
      return undefined;
    case "$bytes":
      return Uint8Array.from(atob(value.$bytes), (letter) => letter.charCodeAt(0));
    case "$number":
      return Number(value.$number);
    case "$bigint":
      return BigInt(value.$bigint);
    case "$map":
      return new Map(value.$map.map(([key, item]) => [decode(key), decode(item)]));
    case "$object":
      return decodeFields(value.$object);
    default:
      return decodeFields(value);
  }
}

function decodeFields(fields) {
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, decode(item)]));
}

function encode(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number") return encodeNumber(value);
  if (value === null || typeof value !== "object") return value;
  if (value instanceof ArrayBuffer) return { $bytes: toBase64(new Uint8Array(value)) };
  if (value instanceof Uint8Array || value instanceof DataView) {
    return { $bytes: toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Set) {
    return Array.from(value, encode);
  }
  if (value instanceof Map) {
    return { $map: Array.from(value, ([key, item]) => [encode(key), encode(item)]) };
  }
  const fields = Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => typeof item !== "function")
      .map(([key, item]) => [key, encode(item)]),
  );
  const keys = Object.keys(fields);
  return keys.length === 1 && MARKS.includes(keys[0]) ? { $object: fields } : fields;
}

function encodeNumber(value) {
  // Python would read a large number without a fraction as an integer.
  const plain = Number.isFinite(value) && !Object.is(value, -0);
  if (plain && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
  return { $number: Object.is(value, -0) ? "-0" : String(value) };
}

function toBase64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768) {
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  }
  return btoa(text);
}
