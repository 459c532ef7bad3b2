/** Runs parts of the bundle for Akamai in its own world; the body says which, and on what. */

import "./globals.js";
import "./lend.js";
import { createResponse } from "create-response";
import { base64 } from "encoding";
import { Incoming } from "./call.js";
import { verify } from "./ed25519.js";
import { bodyOf } from "./extras/bodies.js";

const bytes = (text) => base64.decode(text, "Uint8Array");

export async function responseProvider(request) {
  const asked = JSON.parse(await bodyOf(new Incoming(request), 1_000_000));
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
