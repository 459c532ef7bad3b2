// Fills a page by our splicer and by workerd's own parser, with made-up decisions.

import { Splicer } from "./extras/splice.js";
import { kindsOf } from "./extras/tags.js";

const HTML = { html: true };
const kinds = kindsOf(["div", "section", "aside", "ul", "ol"]);
const slotTags = ["div", "section", "aside", "ul", "ol"].map((tag) => `${tag}[data-fs-slot]`).join();

/** What a slot's name says: of those that are late, a promise. */
function decide(name) {
  if (name.startsWith("none")) return null;
  const decision = { id: `d-${name.length}`, html: name.startsWith("keep") ? null : `<i>${name.length}</i>` };
  return name.endsWith("late") ? later(decision) : decision;
}

async function later(decision) {
  await scheduler.wait(0);
  return decision;
}

/** Return the page, and what went on before the first decision that was waited for. */
async function ours(pieces, asked) {
  const slots = {
    kinds,
    decide(name, { item, category }) {
      asked.push([name, item, category]);
      return decide(name);
    },
  };
  const splicing = new Splicer(slots, new TextDecoder());
  const ready = [];
  let before = -1;
  for (const piece of pieces) {
    let waiting = splicing.take(piece);
    ready.push(splicing.ready());
    while (waiting) {
      if (before < 0) before = ready.reduce((length, bytes) => length + bytes.length, 0);
      waiting = splicing.fill(await waiting);
      ready.push(splicing.ready());
    }
  }
  splicing.end("");
  ready.push(splicing.ready());
  return { made: await new Blob(ready).bytes(), before };
}

/**
 * The parser writes a changed tag anew, so the decision stands before it here, as a comment. It
 * also tells of elements within content that it leaves out.
 */
async function theirs(pieces, asked) {
  const page = { item: "", category: "" };
  const body = (element) => {
    if (element.removed) return;
    page.item = element.getAttribute("data-fs-item") ?? "";
    page.category = element.getAttribute("data-fs-category") ?? "";
  };
  const slot = async (element) => {
    if (element.removed) return;
    const name = element.getAttribute("data-fs-slot");
    const item = element.getAttribute("data-fs-item") ?? page.item;
    asked.push([name, item, element.getAttribute("data-fs-category") ?? page.category]);
    const decision = await decide(name);
    if (!decision) return;
    element.before(`<!--[${decision.id}]-->`, HTML);
    if (decision.html !== null) element.setInnerContent(decision.html, HTML);
  };
  const { readable, writable } = new IdentityTransformStream();
  const answer = new HTMLRewriter()
    .on("body[data-fs-item],body[data-fs-category]", { element: body })
    .on(slotTags, { element: slot })
    .transform(new Response(readable, { headers: { "content-type": "text/html" } }));
  const writing = write(writable.getWriter(), pieces);
  const bytes = await answer.bytes().catch(() => null);
  await writing.catch(() => null);
  return bytes;
}

async function write(writer, pieces) {
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}

/** Cut bytes after so many bytes each time, over and over. */
function* cut(bytes, sizes) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    yield bytes.slice(at, at + size);
    at += size;
  }
}

export default {
  async fetch(request) {
    const { page, sizes } = await request.json();
    const bytes = Uint8Array.from(atob(page), (c) => c.charCodeAt(0));
    const asked = { ours: [], theirs: [] };
    const { made, before } = await ours([...cut(bytes, sizes)], asked.ours);
    const expected = await theirs([...cut(bytes, sizes)], asked.theirs);
    const text = (bytes) => bytes && btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
    return Response.json({ ours: text(made), theirs: text(expected), asked, before });
  },
};
