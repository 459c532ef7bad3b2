/** Takes a page from its origin through a splicer to the visitor. */

/**
 * @typedef {import("../extras/splice.js").Splicer} Splicer
 * @typedef {import("../extras/splice.js").Waiting} Waiting
 */

/** What is read at once. By a stream's own 4 KB, a page was measured to cost three times as much. */
const PIECE_BYTES = 65_536;

/** How long the first bytes may wait for the rest of a page that the origin has sent at once. */
const PATIENCE_MS = 1;
/** An origin that drips must not hold back what it has sent. */
const MOST_READS = 3;
const LATE = Symbol("late");

/**
 * Return the page with its slots filled. An origin that tells the length has made the page: mostly
 * all of it is there already, in a read or two, and what goes on at once costs far less than a
 * stream. Any other page goes on piece by piece.
 * @param {Response} page with a body @param {Splicer} splicer
 * @param {() => string} last makes what stands behind the page
 */
export async function spliced(page, splicer, last) {
  const reader = /** @type {ReadableStream} */ (page.body).getReader({ mode: "byob" });
  const length = page.headers.get("content-encoding") ? 0 : Number(page.headers.get("content-length"));
  /** @type {Waiting} */
  let waiting = null;
  /** @type {Promise<Uint8Array|null>|null} a read that has begun */
  let reading = null;
  let left = length > 0 && length <= PIECE_BYTES ? length : 0;
  for (let reads = 0; left && !waiting && reads < MOST_READS; reads++) {
    reading = read(reader, left);
    // An origin that has broken off is met again by the next read.
    const piece = await soon(reading.catch(() => null), !reads);
    if (piece === LATE) break;
    reading = null;
    if (!piece) break;
    waiting = splicer.take(piece);
    left -= piece.length;
    if (left || waiting) continue;
    splicer.end(last());
    return new Response(splicer.ready(), page);
  }
  const { readable, writable } = new IdentityTransformStream();
  pump(reader, writable.getWriter(), splicer, { waiting, reading }, last);
  return new Response(readable, page);
}

/**
 * What was read, or LATE; the first piece has all the time it needs.
 * @param {Promise<Uint8Array|null>} reading @param {boolean} first @returns {Promise<Uint8Array|null|typeof LATE>}
 */
async function soon(reading, first) {
  if (first) return reading;
  /** @type {any} */
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, LATE)));
  const piece = await Promise.race([reading, late]);
  clearTimeout(timer);
  return piece;
}

/**
 * @param {ReadableStreamBYOBReader} reader @param {WritableStreamDefaultWriter} writer
 * @param {Splicer} splicer
 * @param {{waiting: Waiting, reading: Promise<Uint8Array|null>|null}} begun
 * @param {() => string} last
 */
async function pump(reader, writer, splicer, { waiting, reading }, last) {
  try {
    for (;;) {
      while (waiting) {
        await write(writer, splicer);
        waiting = splicer.fill(await waiting);
      }
      await write(writer, splicer);
      const piece = await (reading ?? read(reader));
      reading = null;
      if (!piece) break;
      waiting = splicer.take(piece);
    }
    splicer.end(last());
    await write(writer, splicer);
    await writer.close();
  } catch (error) {
    // The visitor has gone, or the origin has broken off: the other side must know.
    await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
  }
}

/**
 * Return the next piece, null at the end.
 * @param {ReadableStreamBYOBReader} reader @param {number} [size] room for it, which has to be cleared
 */
async function read(reader, size = PIECE_BYTES) {
  const { value, done } = await reader.read(new Uint8Array(size));
  return done ? null : value;
}

/** @param {WritableStreamDefaultWriter} writer @param {Splicer} splicer */
function write(writer, splicer) {
  const bytes = splicer.ready();
  return bytes.length ? writer.write(bytes) : null;
}
