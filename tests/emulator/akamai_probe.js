/** Tries what EdgeWorkers allows and what it refuses; a path names the probe. */

import { createResponse } from "create-response";
import { Cookies, SetCookie } from "cookies";
import { crypto, pem2ab } from "crypto";
import { TextDecoder, TextEncoder, atob, base16, base64, base64url, btoa } from "encoding";
import { HtmlRewritingStream } from "html-rewriter";
import { httpRequest } from "http-request";
import { logger } from "log";
import { ReadableStream, TransformStream } from "streams";
import { TextEncoderStream } from "text-encode-transform";
import URLSearchParams from "url-search-params";
import { nested } from "./parts/nested.js";

const WEB = [
  "fetch", "setTimeout", "setInterval", "URL", "Headers", "Request", "Response", "TextEncoder",
  "TextDecoder", "atob", "btoa", "crypto", "caches", "HTMLRewriter", "WebAssembly", "performance",
  "structuredClone", "queueMicrotask", "AbortController", "ReadableStream", "SharedArrayBuffer",
];

const textStream = (text) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(text);
      controller.close();
    },
  });
const times = (count, work) => Promise.all(Array.from({ length: count }, work));
const page = (change) => {
  const rewriter = new HtmlRewritingStream();
  rewriter.onElement("div[data-x]", change);
  return textStream("<div data-x='1'>own</div>").pipeThrough(new TextEncoderStream()).pipeThrough(rewriter);
};

const probes = {
  globals: () => WEB.filter((name) => globalThis[name] !== undefined),
  language: () => [typeof Intl.DateTimeFormat, typeof BigInt, typeof Promise],
  generate: () => new Function("return 1")(),
  clock: async () => {
    const before = Date.now();
    await httpRequest("/slowly");
    return Date.now() - before + (new Date().getTime() - before);
  },
  parallel: ({ query }) => times(Number(query), async () => (await httpRequest("/ok")).text()),
  sequence: async ({ query }) => {
    for (let i = 0; i < Number(query); i++) await (await httpRequest("/ok")).text();
    return "all";
  },
  header: async ({ query }) => (await httpRequest("/ok", { headers: { [query]: "x" } })).status,
  method: async ({ query }) => (await httpRequest("/ok", { method: query })).status,
  port: async () => (await httpRequest("https://shop.example:8443/")).status,
  elsewhere: async () => (await httpRequest("https://other.example/")).status,
  timeout: async () => (await httpRequest("/slowly", { timeout: 20 })).text(),
  large: async () => (await (await httpRequest("/large")).text()).length,
  sent: async () => (await httpRequest("/ok", { method: "POST", body: "x" })).text(),
  ed25519: async () =>
    void (await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"])),
  hmac: async () => {
    const kind = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", new Uint8Array(32), kind, false, ["sign"]);
    return (await crypto.subtle.sign("HMAC", key, new Uint8Array(1))).byteLength;
  },
  pem: () => pem2ab("-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----").byteLength,
  variable: ({ query }, request) => request.getVariable(query) ?? null,
  request: (_, { method, host, scheme, path, query, url, userLocation }) => ({
    method, host, scheme, path, query, url, userLocation,
  }),
  headers: (_, request) => request.getHeaders(),
  body: async (_, request) => (await request.text()).length,
  encodings: () => [
    atob("aGk="), btoa("hi"), base64.decode("aGk=", "String"), base64url.decode("_-8", "Uint8Array").length,
    base16.decode("6869", "String"), new TextDecoder().decode(new TextEncoder().encode("é")),
    new TextEncoder().encodeInto === undefined,
  ],
  cookies: () => {
    const cookies = new Cookies("a=1; b=%20; a=2");
    const made = new SetCookie({ name: "c", value: "ä", maxAge: 5, path: "/", httpOnly: true, sameSite: "Lax" });
    cookies.delete("b");
    return [cookies.getAll("a"), cookies.names(), cookies.toHeader(), made.toHeader()];
  },
  query: () => {
    const params = new URLSearchParams("a=1&b=2&a=3");
    return [params.getAll("a"), [...params.entries()].length, params[Symbol.iterator] === undefined];
  },
  nested: () => nested(),
  selector: ({ query }) => void new HtmlRewritingStream().onElement(decodeURIComponent(query), () => {}),
  log: () => logger.log("said %s and %d", "this", "7.5"),
};

const responses = {
  "long-text": () => createResponse(200, {}, "x".repeat(20_000)),
  "long-stream": () => createResponse(200, {}, textStream("x".repeat(20_000)).pipeThrough(new TextEncoderStream())),
  "text-stream": () => createResponse(200, {}, textStream("text")),
  "hop-by-hop": () => createResponse(200, { connection: "close" }, ""),
  length: () => createResponse(200, { "content-length": "3" }, "abc"),
  split: () => createResponse(200, { "x-a": "b\r\nx-c: d" }, ""),
  informational: () => createResponse(100, {}, ""),
  plain: () => ({ status: 200 }),
  "many-headers": () => createResponse(200, { "x-large": "x".repeat(20_000) }, ""),
  "set-cookies": () => createResponse(200, { "set-cookie": ["a=1", "b=2"] }, "", undefined),
  options: () => createResponse("body", { status: 201, headers: { "x-a": "b" } }),
  rewritten: () =>
    createResponse(200, {}, page((element) => {
      element.setAttribute("id", element.getAttribute("none") ?? element.tag);
      element.prepend("<i>");
      element.append("</i>", { insert_implicit_close: true });
    })),
  replaced: () => createResponse(200, {}, page((element) => element.replaceChildren("new"))),
  "async-handler": () => createResponse(200, {}, page(async () => {})),
  "promised-text": () => createResponse(200, {}, page((element) => element.append(Promise.resolve("x")))),
  "in-stream": () =>
    createResponse(200, {}, textStream("x").pipeThrough(new TextEncoderStream()).pipeThrough(
      new TransformStream({
        async transform(chunk, out) {
          await (await httpRequest("/ok")).text();
          out.enqueue(chunk);
        },
      }),
    )),
};

export async function responseProvider(request) {
  const name = request.path.slice(1);
  if (name in responses) return responses[name]();
  let result;
  try {
    result = await probes[name](request, request);
  } catch (error) {
    result = { error: String(error) };
  }
  return createResponse(200, {}, JSON.stringify(result ?? null));
}
