/**
 * What the shop's pages load: `window.analytics` with Segment's calls, `window.frontshelf`.
 *
 * Nothing is stored or sent before the visitor allows it: "analytics" for events,
 * "personalization" for the session cookie. A call that comes before the visitor chose waits in
 * this page's memory and is forgotten with it.
 */
(() => {
  "use strict";
  const tag = document.currentScript;
  const prefix = tag?.dataset.prefix ??
    new URL(tag?.src || "/_fs/sdk.js", location.href).pathname.replace(/\/[^/]*$/, "");

  const IDLE_SECONDS = 1800;
  const CONSENT_SECONDS = 180 * 86400;
  const QUEUE = "fs_queue";
  const MAX_QUEUED = 200; // the oldest go first: storage belongs to the shop
  const MAX_BATCH = 50;
  const MAX_WAITING = 20;
  const FLUSH_MS = 300;
  const [RETRY_MS, MAX_RETRY_MS] = [1000, 60000];
  const KINDS = {
    "Product Viewed": "v", "Product Clicked": "v", "Product Added": "c", "Order Completed": "o",
  };
  const seconds = () => Math.floor(Date.now() / 1000);

  const readCookie = (name) =>
    document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

  function writeCookie(name, value, age) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  }

  // ---- consent ---------------------------------------------------------------------------

  /** What the visitor allows; Global Privacy Control is a refusal, whatever the cookie says. */
  function getConsent() {
    const optOut = navigator.globalPrivacyControl === true;
    const match = /^1\.([a-z+]{1,64})\.\d{1,12}$/.exec(readCookie("fs_c") ?? "");
    const allows = (purpose) => !optOut && Boolean(match?.[1].split("+").includes(purpose));
    const [personalization, analytics] = ["personalization", "analytics"].map(allows);
    return { personalization, analytics, chosen: Boolean(match), optOut };
  }

  /** Record a choice. What is withdrawn goes at once; HttpOnly cookies with the next request. */
  function setConsent(choice) {
    const granted = ["personalization", "analytics"]
      .filter((purpose) => choice?.[purpose] === true && !getConsent().optOut).join("+");
    writeCookie("fs_c", `1.${granted || "none"}.${seconds()}`, CONSENT_SECONDS);
    const consent = getConsent();
    dropRefused(consent);
    for (const call of waiting.splice(0)) record(call, consent);
    dispatchEvent(new CustomEvent("frontshelf:consent", { detail: consent }));
  }

  function dropRefused({ personalization, analytics, chosen, optOut }) {
    if (!chosen && !optOut) return;
    if (!personalization && readCookie("fs_s") !== undefined) writeCookie("fs_s", "", 0);
    if (!analytics) writeQueue([]);
  }

  // ---- session: fs_s, so that the very next page can follow what was just looked at ---------

  function readSession() {
    const match = /^1\.([0-9a-z]+)\.([0-9a-z]+)\.(\d+)\.(\d+)\.(\d+)\.(\S*)$/
      .exec(readCookie("fs_s") ?? "");
    if (!match || seconds() - parseInt(match[2], 36) > IDLE_SECONDS) {
      return { start: seconds().toString(36), v: 0, c: 0, o: 0, items: [] };
    }
    const [, start, , v, c, o, items] = match;
    return { start, v: +v, c: +c, o: +o, items: items.split("~").filter(Boolean) };
  }

  function noteSession(event, properties) {
    const kind = KINDS[event];
    const products = Array.isArray(properties.products) ? properties.products : [properties];
    const entries = kind ? products.map((product) => entryOf(kind, product)).filter(Boolean) : [];
    if (!entries.length) return;
    const session = readSession();
    // A click and the page it leads to are one view; so is a page loaded again.
    if (kind !== "v" || entries[0] !== session.items.at(-1)) {
      session[kind] = Math.min(session[kind] + 1, 999999);
      session.items = [...session.items, ...entries].slice(-10);
    }
    const { start, v, c, o, items } = session;
    const value = () =>
      `1.${start}.${seconds().toString(36)}.${v}.${c}.${o}.${items.join("~")}`;
    while (items.length && value().length > 200) items.shift();
    writeCookie("fs_s", value(), IDLE_SECONDS);
  }

  function entryOf(kind, product) {
    try {
      const sku = encodeURIComponent(String(product?.product_id ?? product?.sku ?? ""));
      return sku && kind + sku.replace(/~/g, "%7E").replace(/\./g, "%2E");
    } catch {
      return ""; // half a surrogate pair is no SKU
    }
  }

  // ---- events ------------------------------------------------------------------------------

  const waiting = [];
  const pageFacts = () => ({
    path: location.pathname, url: location.href, title: document.title, referrer: document.referrer,
  });

  function emit(type, fields, options) {
    let call;
    try {
      // A copy: the shop may change its objects afterwards.
      call = JSON.parse(JSON.stringify({ type, ...fields, ...options }));
    } catch (error) {
      console.warn("frontshelf: left out an event that is no JSON", error);
      return;
    }
    call.messageId = randomId();
    call.timestamp = new Date().toISOString();
    call.context = { page: pageFacts(), ...call.context };
    const consent = getConsent();
    if (consent.chosen || consent.optOut) record(call, consent);
    else if (waiting.length < MAX_WAITING) waiting.push(call);
  }

  function record(call, { personalization, analytics }) {
    if (personalization && call.type === "track") noteSession(call.event, call.properties);
    if (!analytics) return;
    call.context.consent = { personalization, analytics };
    writeQueue([...readQueue(), call]);
    schedule(FLUSH_MS);
  }

  function randomId() {
    if (crypto.randomUUID) return crypto.randomUUID(); // secure contexts only
    return crypto.getRandomValues(new Uint32Array(4)).join("-");
  }

  // ---- delivery: an event leaves the queue when the collector has it -----------------------

  let memory = []; // stands in where the browser refuses storage
  let timer = 0;
  let sending = false;
  let retryMs = RETRY_MS;
  let batchSize = MAX_BATCH;

  function readQueue() {
    try {
      const kept = JSON.parse(localStorage.getItem(QUEUE));
      return Array.isArray(kept) ? kept : memory;
    } catch {
      return memory;
    }
  }

  function writeQueue(calls) {
    memory = calls.slice(-MAX_QUEUED);
    try {
      if (memory.length) localStorage.setItem(QUEUE, JSON.stringify(memory));
      else localStorage.removeItem(QUEUE);
      memory = [];
    } catch {
      // `memory` has them for as long as the page lives.
    }
  }

  function schedule(ms) {
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  }

  const bodyOf = (batch) => JSON.stringify({ batch, sentAt: new Date().toISOString() });

  async function flush() {
    const batch = !sending && getConsent().analytics ? readQueue().slice(0, batchSize) : [];
    if (!batch.length) return;
    sending = true;
    const wait = await deliver(batch);
    sending = false;
    if (wait === null) {
      // Another tab may have added some meanwhile.
      const done = new Set(batch.map((call) => call.messageId));
      writeQueue(readQueue().filter((call) => !done.has(call.messageId)));
    }
    if (readQueue().length) schedule(wait ?? 0);
  }

  /** Send a batch; return null when it is settled, else the milliseconds to wait. */
  async function deliver(batch) {
    const wait = retryMs * (0.75 + Math.random() / 2);
    try {
      const body = bodyOf(batch);
      const headers = { "content-type": "application/json" };
      const keepalive = body.length < 60000; // browsers refuse larger ones
      const options = { method: "POST", body, headers, keepalive };
      const { ok, status, headers: answer } = await fetch(`${prefix}/v1/batch`, options);
      if (ok) {
        [retryMs, batchSize] = [RETRY_MS, MAX_BATCH];
        return null;
      }
      if ([400, 403, 413].includes(status)) {
        // One of them will never be taken: sent one by one, only that one is dropped.
        batchSize = 1;
        return batch.length === 1 ? null : 0;
      }
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      return Math.max(wait, Math.min(answer.get("retry-after") * 1000 || 0, MAX_RETRY_MS));
    } catch {
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS); // offline: the queue waits
      return wait;
    }
  }

  /** The last chance on this page. A beacon is not acknowledged: the next page asks again. */
  function beacon() {
    const batch = getConsent().analytics ? readQueue().slice(0, MAX_BATCH) : [];
    const body = new Blob([bodyOf(batch)], { type: "application/json" });
    if (batch.length) navigator.sendBeacon(`${prefix}/v1/batch`, body);
  }

  // ---- slots -------------------------------------------------------------------------------

  /** Ask the edge again for every slot of the page, as after Back or within a one-page shop. */
  async function refill() {
    await Promise.all([...document.querySelectorAll("[data-fs-slot]")].map(refillOne));
    watch();
  }

  async function refillOne(element) {
    const [{ dataset }, { dataset: page }] = [element, document.body];
    const query = new URLSearchParams({
      item: dataset.fsItem ?? page.fsItem ?? "", category: dataset.fsCategory ?? page.fsCategory ?? "",
    });
    try {
      const url = `${prefix}/slot/${encodeURIComponent(dataset.fsSlot)}?${query}`;
      const response = await fetch(url, { cache: "no-store" });
      if (response.status === 200) element.innerHTML = await response.text();
      const decision = response.headers.get("frontshelf-decision");
      if (decision) dataset.fsDecision = decision;
    } catch {
      // What is shown stays.
    }
  }

  const decisionOf = ({ dataset }) => ({ id: dataset.fsDecision, slot: dataset.fsSlot });
  const exposed = new Set();
  const viewer = new IntersectionObserver(expose, { threshold: [0, 0.25, 0.5, 0.75, 1] });

  function watch() {
    for (const element of document.querySelectorAll("[data-fs-decision]")) {
      viewer.unobserve(element); // observing anew reports where it stands now
      if (!exposed.has(element.dataset.fsDecision)) viewer.observe(element);
    }
  }

  /** A slot is seen when its top edge is, whatever it holds, so that all arms count alike. */
  function expose(entries) {
    for (const { target, isIntersecting, boundingClientRect: { top } } of entries) {
      const decision = decisionOf(target);
      if (!isIntersecting || top < 0 || top > innerHeight || exposed.has(decision.id)) continue;
      viewer.unobserve(target);
      exposed.add(decision.id);
      analytics.track("Experiment Viewed", { decision });
    }
  }

  function onClick({ target, button }) {
    const slot = target.closest?.("[data-fs-decision]");
    if (!slot || button > 1 || !slot.contains(target.closest("a[href], button"))) return;
    const sku = target.closest("[data-fs-sku]")?.dataset.fsSku;
    const decision = decisionOf(slot);
    if (sku) analytics.track("Product Clicked", { product_id: sku, decision });
    else analytics.track("Promotion Clicked", { decision });
  }

  // ---- Segment's calls ---------------------------------------------------------------------

  const isObject = (value) => typeof value === "object" && value !== null;
  let paged = false;

  const analytics = {
    track: (event, properties, options) =>
      emit("track", { event: String(event), properties: { ...properties } }, options),
    page(...args) {
      paged = true;
      const [name, category] = args.filter((arg) => typeof arg === "string").reverse();
      const [properties, options] = args.filter(isObject);
      emit("page", { name, category, properties: { ...pageFacts(), ...properties } }, options);
    },
    identify(...args) {
      const [traits, options] = args.filter(isObject);
      const userId = isObject(args[0]) ? undefined : args[0];
      emit("identify", { userId, traits: { ...traits } }, options);
    },
    reset: () => readCookie("fs_s") !== undefined && writeCookie("fs_s", "", 0),
    ready: (then) => setTimeout(then, 0),
    push([method, ...args]) {
      if (Object.hasOwn(analytics, method)) analytics[method](...args);
    },
  };

  /** Arrive at a page without loading it: by Back, or within a one-page shop. */
  function arrive() {
    analytics.page();
    refill();
  }

  const address = () => location.pathname + location.search; // an anchor is no new page
  let here = address();
  const onMove = () => setTimeout(() => here !== (here = address()) && arrive(), 0);

  function start() {
    watch();
    if (!paged) analytics.page();
    if (getConsent().analytics) schedule(FLUSH_MS);
  }

  const called = Array.isArray(window.analytics) ? window.analytics : [];
  window.analytics = analytics;
  window.frontshelf = { prefix, refill, consent: { get: getConsent, set: setConsent } };
  dropRefused(getConsent());
  for (const call of called) if (Array.isArray(call)) analytics.push(call);
  const { pushState } = history;
  history.pushState = function (...args) {
    pushState.apply(this, args);
    onMove();
  };
  addEventListener("popstate", onMove);
  addEventListener("pageshow", ({ persisted }) => persisted && arrive());
  addEventListener("pagehide", beacon);
  addEventListener("online", () => schedule(0));
  for (const type of ["click", "auxclick"]) document.addEventListener(type, onClick, true);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  dispatchEvent(new Event("frontshelf:ready"));
})();
