/** Markup of a shelf; everything from the catalogue is escaped. */

/** @typedef {import("./cards.js").Card} Card */
/** @typedef {{before: string, card: (string|[string, string])[], after: string}} Template */

/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** @type {Record<string, string>} */
const SYMBOLS = { EUR: "€", USD: "$", GBP: "£", JPY: "¥" };

/** Minor digits of currencies that have not two (ISO 4217). @type {Record<string, number>} */
const DIGITS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, VND: 0,
  VUV: 0, XAF: 0, XOF: 0, XPF: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
};

/** @param {string} text */
export function escapeHtml(text) {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]) : text;
}

/**
 * @param {number} minor a price in the currency's minor unit, -1 for none
 * @param {string} currency ISO 4217
 */
export function formatPrice(minor, currency) {
  if (minor < 0) return "";
  const digits = DIGITS[currency] ?? 2;
  const amount = (minor / 10 ** digits).toFixed(digits);
  return SYMBOLS[currency] ? SYMBOLS[currency] + amount : `${amount} ${currency}`.trim();
}

/**
 * Return a link that a page may carry: http(s) or relative, else "#".
 * @param {string} url
 */
export function safeUrl(url) {
  // Browsers drop control characters inside a scheme, so "java\tscript:" would run.
  const plain = url.replace(/[\u0000-\u0020]/g, "");
  return /^[a-z][a-z0-9+.-]*:/i.test(plain) && !/^https?:/i.test(plain) ? "#" : url;
}

/** @param {Card[]} cards @param {Template} template @param {string} name */
export function renderShelf(cards, template, name) {
  let html = template.before;
  for (const card of cards) {
    let markup = card.html.get(name);
    if (markup === undefined) {
      markup = renderCard(card, template.card);
      card.html.set(name, markup);
    }
    html += markup;
  }
  return html + template.after;
}

/** @param {Card} card @param {Template["card"]} parts */
function renderCard(card, parts) {
  const fields = fieldsOf(card);
  let html = "";
  let hidden = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      if (!hidden) html += part;
    } else if (part[0] === "if") {
      if (hidden || !fields[part[1]]) hidden++;
    } else if (part[0] === "end") {
      if (hidden) hidden--;
    } else if (!hidden) {
      html += escapeHtml(fields[part[1]]);
    }
  }
  return html;
}

/** @param {Card} card @returns {Record<string, string>} */
function fieldsOf(card) {
  return {
    sku: card.sku,
    title: card.title || card.sku,
    url: card.url ? safeUrl(card.url) : "#",
    image: card.image ? safeUrl(card.image) : "",
    price: formatPrice(card.price, card.currency),
    category: card.category,
  };
}
