/** Reads tables with the worker's own modules and says what it found, for round-trip tests. */

import { readCookies } from "./core/cookies.js";
import { hashText } from "./core/hash.js";
import { Hmac } from "./core/hmac.js";
import { partOf, valueNumber } from "./core/locate.js";
import { Scores } from "./core/scores.js";
import { openTable } from "./core/columns.js";
import { kit } from "./core/kit.js";
import { CardTable, ItemTable, PopularTable } from "./core/tables.js";
import { lend } from "./extras/core.js";

lend(kit);
const { asciiOf } = await import("./extras/pages.js");
const { RelatedTable } = await import("./extras/sources.js");
const { VisitorTable } = await import("./extras/visitors.js");

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const opened = (Table, kind, value) => {
  const { buffer } = bytesOf(value);
  return new Table(openTable(buffer, kind), buffer.byteLength);
};

const cardsOf = (table, count) =>
  Array.from({ length: count }, (_, i) => {
    const { html, ...card } = table.cards.card(i);
    return card;
  });

const rowsOf = (table, first, count) =>
  Array.from({ length: count }, (_, i) => {
    const scores = new Scores(16);
    table.addRow(first + i, 1, scores);
    const row = [];
    scores.forEach((item, score) => row.push([item, score]));
    return row;
  });

/** Open a value and read all that a decision could; say whether it was refused. */
const readAll = (kind, value) => {
  const Table = {
    items: ItemTable, related: RelatedTable, cards: CardTable, visitors: VisitorTable, popular: PopularTable,
  }[kind];
  try {
    const table = opened(Table, kind, value);
    const scores = new Scores(16);
    for (let i = 0; i < 120; i++) {
      table.cards?.card(i);
      table.addRow?.(table.first + i, 1, scores);
      if (kind === "items") table.find(hashText(`sku-${i}`));
      if (kind === "visitors") table.listsAt(i % table.key.length);
    }
    scores.best(12, () => false);
    return "read";
  } catch {
    return "refused";
  }
};

const probes = {
  hash: ({ texts }) => texts.map((text) => hashText(text)),
  locate: ({ parts, texts }) => {
    const opened = parts.map((part) => ({ ...part, cells: bytesOf(part.cells) }));
    return texts.map((text) => {
      const hash = hashText(text);
      const part = partOf(opened, hash);
      return valueNumber(part, part.cells, hash);
    });
  },
  items: ({ value, skus }) => {
    const table = opened(ItemTable, "items", value);
    const rows = rowsOf(table, table.first, table.count);
    return { rows, cards: cardsOf(table, table.count), found: skus.map((sku) => table.find(hashText(sku))) };
  },
  related: ({ values, count }) => {
    const tables = values.map((value) => opened(RelatedTable, "related", value));
    const numbers = [...tables.map(({ first }) => first), count];
    return tables.flatMap((table, i) => rowsOf(table, numbers[i], numbers[i + 1] - numbers[i]));
  },
  cards: ({ value, count }) => cardsOf(opened(CardTable, "cards", value), count),
  visitors: ({ value, keys }) => {
    const table = opened(VisitorTable, "visitors", value);
    return keys.map(([high, low]) => {
      const row = table.find(high, low);
      return row && { segment: row.segment, ...row.lists };
    });
  },
  popular: ({ value }) => {
    const table = opened(PopularTable, "popular", value);
    const lists = {};
    for (const [key, items] of table.lists) lists[key] = [...items];
    const skus = {};
    for (const number of table.number) skus[number] = table.card(number).sku;
    return { lists, skus };
  },
  decoded: ({ value, tables, count }) => {
    const all = Array.from({ length: tables }, () => opened(CardTable, "cards", value));
    for (const table of all) for (let i = 0; i < count; i++) table.cards.card(i);
    const kept = all.map((table) => table.cards.cards.filter(Boolean).length);
    return { kept, counted: all[0].bytes, again: cardsOf(all[0], 1)[0].sku };
  },
  worn: ({ kind, values }) => values.map((value) => readAll(kind, value)),
  hmac: ({ cases }) => cases.map(([key, message]) => [...new Hmac(bytesOf(key)).sign(message)]),
  cookies: ({ headers }) => headers.map((header) => readCookies(header)),
  ascii: ({ texts }) => texts.map((text) => asciiOf(text)),
  best: ({ entries, limit, refused }) => {
    const scores = new Scores(16);
    for (const [item, score] of entries) scores.add(item, score);
    return scores.best(limit, (item) => refused.includes(item));
  },
};

export default {
  async fetch(request) {
    const { probe, ...rest } = await request.json();
    try {
      return Response.json({ result: probes[probe](rest) });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
