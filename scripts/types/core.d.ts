/** All that core/ may use beside ECMAScript: what Cloudflare, Akamai and Node all have. */

declare class TextEncoder {
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

declare class URL {
  constructor(url: string, base?: string | URL);
  href: string;
  origin: string;
  protocol: string;
  host: string;
  hostname: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
}

declare class URLSearchParams {
  constructor(text?: string);
  get(name: string): string | null;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

type BufferSource = ArrayBuffer | ArrayBufferView;

declare const console: { warn(...words: unknown[]): void };
declare function atob(text: string): string;
declare function btoa(text: string): string;
/** Missing on Akamai: see within() in core/platform.js. */
declare function setTimeout(call: () => void, ms?: number): number;
declare function clearTimeout(timer?: number): void;
