/**
 * Asks the visitor once, at the foot of the page, and lets them think again at any time. Needs
 * sdk.js, which fetches it when it is wanted and records the answer.
 *
 * Refusing is as easy as accepting; closing, leaving or pressing Escape is no consent. It is
 * light or dark as the page's own `color-scheme` is. Restyle it by `--fs-…` custom properties or
 * `.fs-consent::part(…)`; reword it by data attributes of the script tag (`data-title`,
 * `data-accept` …) or an object `window.frontshelfConsent`.
 */
(() => {
  "use strict";
  const TEXTS = {
    title: "A shop that remembers what you like?",
    text: "With your consent we use cookies to put what suits you on our shelves, and to learn " +
      "which pages help. You can change your mind at any time.",
    accept: "Accept all",
    reject: "Reject all",
    choose: "Choose",
    save: "Save choices",
    choices: "Your choices",
    necessary: "Necessary",
    necessaryText: "Your cart, signing in and this choice. Always on.",
    personalization: "Personalisation",
    personalizationText: "Shows products that fit what you looked at and bought here.",
    analytics: "Statistics",
    analyticsText: "Counts visits and clicks, so that we can improve the shop.",
    optOut: "Your browser asks shops not to track you (Global Privacy Control). We honour that.",
    close: "Close",
    policyText: "Privacy policy",
    policy: "",
  };
  const PURPOSES = ["personalization", "analytics"];
  const STYLE = `
    :host { all: initial; color-scheme: inherit; --ground: var(--fs-ground, #fdf8f1);
      --ink: var(--fs-ink, #2b2420); --accent: var(--fs-accent, #7a3b1d);
      --on-accent: var(--fs-on-accent, #fff); --soft: var(--fs-soft, #e7dacb);
      --focus: var(--fs-focus, #1f6feb); }
    @supports (color: light-dark(#fff, #000)) { :host {
      --ground: var(--fs-ground, light-dark(#fdf8f1, #241f1b));
      --ink: var(--fs-ink, light-dark(#2b2420, #f3ebe2));
      --accent: var(--fs-accent, light-dark(#7a3b1d, #eab08a));
      --on-accent: var(--fs-on-accent, light-dark(#fff, #241f1b));
      --soft: var(--fs-soft, light-dark(#e7dacb, #51463d));
      --focus: var(--fs-focus, light-dark(#1f6feb, #8ec5ff)); } }
    @media print { :host { display: none; } }
    .card { position: fixed; z-index: var(--fs-layer, 2147483000); inset: auto auto 1.25rem 1.25rem;
      box-sizing: border-box; width: min(25rem, calc(100vw - 2.5rem)); max-height: calc(100vh - 2.5rem);
      max-height: calc(100dvh - 2.5rem);
      overflow: auto; padding: 1.25rem 1.35rem 1.35rem; color: var(--ink); background: var(--ground);
      border: 1px solid var(--soft); border-radius: var(--fs-radius, 14px);
      box-shadow: 0 12px 40px rgb(60 40 20 / .18);
      font: var(--fs-font, 15px/1.5 system-ui, sans-serif); }
    @media (max-width: 30rem) { .card { inset: auto .75rem .75rem; width: auto; } }
    h2 { margin: 0 0 .4rem; font-size: 1.1em; line-height: 1.3; text-wrap: balance; }
    p { margin: 0 0 .9rem; }
    a { color: var(--accent); }
    .buttons { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
    button { font: inherit; font-weight: 600; padding: .6em .9em; cursor: pointer; border-radius: 9px;
      border: 1.5px solid var(--accent); background: var(--accent); color: var(--on-accent); }
    button.plain { grid-column: 1 / -1; background: transparent; color: var(--accent); }
    button:hover { filter: brightness(1.12); }
    :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
    label { display: grid; grid-template-columns: auto 1fr; gap: 0 .65rem; padding: .6rem 0;
      border-top: 1px solid var(--soft); cursor: pointer; }
    label:last-of-type { margin-bottom: .6rem; }
    label span { grid-column: 2; font-size: .93em; opacity: .9; }
    input { width: 1.15em; height: 1.15em; margin: .17em 0 0; accent-color: var(--accent); }
    [hidden] { display: none !important; }
  `;

  const words = { ...TEXTS, ...document.currentScript?.dataset, ...window.frontshelfConsent };
  let host = null;
  let opener = null;

  /** Make an element; text is set as text, so no wording can carry markup. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  const button = (part, click, style = "") =>
    make("button", { type: "button", part: `button ${part}`, class: style, click }, words[part]);

  function answer(personalization, analytics) {
    window.frontshelf.consent.set({ personalization, analytics });
    close();
  }

  function close() {
    host?.remove();
    host = null;
    if (opener?.isConnected) opener.focus();
    opener = null;
  }

  function banner() {
    const text = make("p", { id: "text", part: "text" }, words.text);
    if (words.policy) {
      text.append(" ", make("a", { href: words.policy, part: "link" }, words.policyText));
    }
    return [
      make("h2", { id: "title", part: "title" }, words.title),
      text,
      make("div", { class: "buttons", part: "buttons" },
        button("reject", () => answer(false, false)),
        button("accept", () => answer(true, true)),
        button("choose", () => show(choices(), true), "plain")),
    ];
  }

  function choices() {
    const consent = window.frontshelf.consent.get();
    const boxes = Object.fromEntries(PURPOSES.map((purpose) => [
      purpose, box(purpose, consent[purpose], consent.optOut),
    ]));
    const save = () => answer(...PURPOSES.map((purpose) => boxes[purpose].checked));
    const buttons = consent.optOut
      ? [button("close", close, "plain")]
      : [button("reject", () => answer(false, false)), button("accept", () => answer(true, true)),
        button("save", save, "plain")];
    return [
      make("h2", { id: "title", part: "title" }, words.choices),
      make("p", { id: "text", part: "text", hidden: !consent.optOut }, words.optOut),
      labelled("necessary", box("necessary", true, true)),
      ...PURPOSES.map((purpose) => labelled(purpose, boxes[purpose])),
      make("div", { class: "buttons", part: "buttons" }, ...buttons),
    ];
  }

  const box = (name, checked, disabled) =>
    make("input", {
      type: "checkbox", name, part: "checkbox", checked, disabled,
      "aria-labelledby": name, "aria-describedby": `${name}-note`,
    });

  const labelled = (purpose, input) =>
    make("label", { part: "choice" }, input, make("b", { id: purpose }, words[purpose]),
      make("span", { id: `${purpose}-note`, part: "note" }, words[`${purpose}Text`]));

  /** Show the card with this content; focus goes there only when the visitor asked for it. */
  function show(content, asked) {
    if (!host) {
      host = make("div", { class: "fs-consent" });
      const sheet = new CSSStyleSheet(); // a page's content policy may forbid <style>
      sheet.replaceSync(STYLE);
      const root = host.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      root.append(make("section", {
        class: "card", part: "card", role: "dialog", "aria-modal": "false", tabindex: "-1",
        "aria-labelledby": "title", "aria-describedby": "text", keydown: onKey,
      }));
      document.body.prepend(host); // first in the order of the keyboard
    }
    const card = host.shadowRoot.querySelector(".card");
    card.replaceChildren(...content);
    if (asked) card.focus();
  }

  /** Escape leaves the question open: it comes back on the next page. */
  function onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }

  function start() {
    const { consent } = window.frontshelf;
    consent.open = (asked) => {
      opener = asked;
      show(choices(), true);
    };
    const { chosen, optOut } = consent.get();
    if (!chosen && !optOut) show(banner(), false);
  }

  function whenParsed() {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();
  }
  if (window.frontshelf?.consent) whenParsed();
  else addEventListener("frontshelf:ready", whenParsed, { once: true });
})();
