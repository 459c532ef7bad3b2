/** A platform for the worker's core whose store is what the test wrote to it. */

/** Values by key, filled by PUT. */
const values = new Map();

export class KeptValues {
  /** @param {number} at the time, epoch ms */
  constructor(at) {
    this.at = at;
  }

  async get(key) {
    return values.get(key)?.slice(0) ?? null;
  }

  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }

  async verify(key, signature, message) {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", imported, signature, message);
  }

  now() {
    return this.at;
  }

  random(count) {
    return new Uint8Array(count);
  }

  waitUntil() {}
}

/** A worker that takes values by PUT, and answers a POST with what `told` returns. */
export const worker = (told) => ({
  async fetch(request, env) {
    if (request.method === "POST") return Response.json(await told(env, await request.json()));
    values.set(new URL(request.url).pathname.slice(1), await request.arrayBuffer());
    return new Response(null, { status: 204 });
  },
});
