/** Opens the signed wrapper of heads and manifests; the Python side is control_plane/envelope.py. */

import { decode } from "./msgpack.js";

/** @typedef {import("./platform.js").Platform} Platform */
/** @typedef {{shop: string, environment: string}} Owner */

const encoder = new TextEncoder();

/**
 * Return the decoded body, or throw unless one of `keys` signed it for this purpose and shop.
 * @param {Platform} platform
 * @param {string} domain "frontshelf/head/1" or "frontshelf/manifest/1"
 * @param {Owner} owner
 * @param {Uint8Array[]} keys Ed25519 public keys
 * @param {ArrayBuffer} value
 */
export async function unseal(platform, domain, owner, keys, value) {
  const { sig, body } = decode(new Uint8Array(value));
  const prefix = encoder.encode(`${domain}\0${owner.shop}\0${owner.environment}\0`);
  const message = new Uint8Array(prefix.length + body.length);
  message.set(prefix);
  message.set(body, prefix.length);
  for (const key of keys) {
    if (await platform.verify(key, sig, message)) return believed(decode(body), owner);
  }
  throw new Error("forged");
}

/** @param {any} body @param {Owner} owner */
function believed(body, owner) {
  if (body.shop !== owner.shop || body.environment !== owner.environment) {
    throw new Error("foreign");
  }
  return body;
}
