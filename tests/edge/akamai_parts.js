/** Runs parts of the bundle for Akamai in its own world; the body says which, and on what. */

import "./globals.js";
import { createResponse } from "create-response";
import { TextEncoder, base64 } from "encoding";
import { HtmlRewritingStream } from "html-rewriter";
import { ReadableStream, TransformStream } from "streams";
import { Incoming } from "./call.js";
import { verify } from "./ed25519.js";
import { Splicer } from "./splice.js";

const bytes = (text) => base64.decode(text, "Uint8Array");
const random = (count) => new Uint8Array(count).fill(7);
const later = () => new Promise((resolve) => resolve()).then(() => undefined);

/** Hands on what comes in chunks of a size. */
function chunked(size) {
  let held = new Uint8Array(0);
  return new TransformStream({
    transform(chunk) {
      const whole = new Uint8Array(held.length + chunk.length);
      whole.set(held);
      whole.set(chunk, held.length);
      held = whole;
    },
    flush(out) {
      for (let at = 0; at < held.length; at += size) out.enqueue(held.slice(at, at + size));
    },
  });
}

function spliced({ page, size, decided }) {
  const splicer = new Splicer(random);
  const rewriter = new HtmlRewritingStream();
  const decide = async (name) => {
    await later();
    return decided[name] ?? null;
  };
  rewriter.onElement("div[data-fs-slot]", (element) => {
    splicer.add(element, decide(element.getAttribute("data-fs-slot")));
  });
  const source = new ReadableStream({
    start(out) {
      out.enqueue(new TextEncoder().encode(page));
      out.close();
    },
  });
  return source.pipeThrough(rewriter).pipeThrough(chunked(size)).pipeThrough(splicer.stream());
}

export async function responseProvider(request) {
  const asked = JSON.parse(await new Incoming(request).body(1_000_000));
  if (asked.page) return createResponse(200, {}, spliced(asked));
  if (asked.paths) {
    const paths = asked.paths.map((path) => new Incoming({ ...plain, path }).path);
    return createResponse(200, {}, JSON.stringify(paths));
  }
  const verdicts = [];
  for (const [key, signature, message] of asked.signatures) {
    verdicts.push(await verify(bytes(key), bytes(signature), bytes(message)));
  }
  return createResponse(200, {}, JSON.stringify(verdicts));
}

const plain = { method: "GET", scheme: "https", host: "shop.example", query: "", url: "/" };
