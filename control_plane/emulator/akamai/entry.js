/** Runs a bundle's responseProvider for each request, as the edge server around it would. */

import { native, runFor } from "./host.js";
import "./built-in.js";
import { opened } from "./create-response.js";
import * as bundle from "../main.js";

/** Methods for which the property runs responseProvider: those that its sub-requests can have. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"];
const TEXT_BYTES = 16_384;
const BODY_BYTES = 1_048_576;

export default {
  /** @param {Request} request @param {any} env */
  async fetch(request, env) {
    if (!METHODS.includes(request.method)) return fromTheOrigin(request);
    const startedAt = native.now();
    const url = new native.URL(request.url);
    const running = { env, startedAt, url, asked: 0, underWay: 0 };
    try {
      const working = runFor(running, async () => bundle.responseProvider(requestOf(request, env, url)));
      return answerOf(request, opened(await inTime(working, env.WALL_MS)), startedAt + env.WALL_MS);
    } catch (error) {
      native.console.error(`responseProvider failed: ${error?.stack ?? error}`);
      return new native.Response("Internal Server Error\n", { status: 500 });
    }
  },
};

/** What the property itself answers, as docs/akamai.md sets it up. @param {Request} request */
async function fromTheOrigin(request) {
  const answer = await native.fetch(request, { redirect: "manual" });
  const response = new native.Response(answer.body, answer);
  response.headers.delete("frontshelf-user");
  return response;
}

/** @param {Promise<any>} working @param {number} ms */
async function inTime(working, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = native.setTimeout(() => reject(new Error(`the wall time of ${ms} ms is over`)), ms);
  });
  try {
    return await Promise.race([working, late]);
  } finally {
    native.clearTimeout(timer);
  }
}

/** @param {Request} request @param {{status: number, headers: [string, string][], body: any}} made @param {number} end */
function answerOf(request, { status, headers, body }, end) {
  const empty = request.method === "HEAD" || status === 204 || status === 304;
  const checked = typeof body === "string" ? body : body.pipeThrough(checking(end));
  return new native.Response(empty ? null : checked, { status, headers });
}

/** @param {number} end */
function checking(end) {
  return new native.TransformStream({
    transform(chunk, out) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("a body's stream must hold bytes");
      if (native.now() > end) throw new Error("the wall time is over");
      out.enqueue(chunk);
    },
  });
}

/** @param {Request} request @param {any} env @param {URL} url */
function requestOf(request, env, url) {
  const { cf = {} } = /** @type {any} */ (request);
  const whole = (/** @type {number} */ limit) => readWhole(request, limit);
  let streamed;
  return Object.freeze({
    method: request.method,
    host: request.headers.get("host") ?? url.host,
    scheme: url.protocol.slice(0, -1),
    path: url.pathname,
    query: url.search.slice(1),
    url: url.pathname + url.search,
    clientIp: "127.0.0.1",
    cpCode: 1,
    // A local visitor says where they are as they would to the other platform's local edge.
    userLocation: {
      country: cf.country ?? request.headers.get("cf-ipcountry") ?? undefined,
      region: cf.regionCode,
      city: cf.city,
    },
    device: undefined,
    get body() {
      return (streamed ??= (request.body ?? new native.Response("").body).pipeThrough(bounded(BODY_BYTES)));
    },
    getHeader: (/** @type {string} */ name) => listed(request.headers)[name.toLowerCase()],
    getHeaders: () => listed(request.headers),
    getVariable: (/** @type {string} */ name) => variable(env, name),
    text: async () => new native.TextDecoder().decode(await whole(TEXT_BYTES)),
    json: async () => JSON.parse(new native.TextDecoder().decode(await whole(TEXT_BYTES))),
    arrayBuffer: () => whole(TEXT_BYTES),
  });
}

/** @param {Headers} headers @returns {Record<string, string[]>} */
function listed(headers) {
  return Object.fromEntries([...headers].map(([name, value]) => [name, [value]]));
}

/** Addresses of the local APIs come as a variable of the property. @param {any} env @param {string} name */
function variable(env, name) {
  if (!/^PMUSER_[A-Z0-9_]+$/.test(name)) throw new TypeError(`${name} is no PMUSER_ variable`);
  return name === "PMUSER_FS_LOCAL_APIS" ? env.LOCAL_APIS : env.PROPERTY[name];
}

/** @param {number} limit */
function bounded(limit) {
  let length = 0;
  return new native.TransformStream({
    transform(chunk, out) {
      length += chunk.length;
      if (length > limit) throw new Error(`a request body has at most ${limit} bytes here`);
      out.enqueue(chunk);
    },
  });
}

/** @param {Request} request @param {number} limit */
async function readWhole(request, limit) {
  const body = await request.arrayBuffer();
  if (body.byteLength > limit) throw new Error(`at most ${limit} bytes can be read at once`);
  return body;
}
