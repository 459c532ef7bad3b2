/** What workerd has beside the web's own classes, as far as the adapters use it. */

declare class HTMLRewriter {
  on(selector: string, handlers: { element?(element: RewriterElement): void | Promise<void> }): this;
  onDocument(handlers: { end?(end: { append(content: string, options?: { html: boolean }): void }): void }): this;
  transform(response: Response): Response;
}

interface RewriterElement {
  readonly tagName: string;
  readonly removed: boolean;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): RewriterElement;
  removeAttribute(name: string): RewriterElement;
  setInnerContent(content: string, options?: { html?: boolean }): RewriterElement;
  prepend(content: string, options?: { html?: boolean }): RewriterElement;
  append(content: string, options?: { html?: boolean }): RewriterElement;
  before(content: string, options?: { html?: boolean }): RewriterElement;
  after(content: string, options?: { html?: boolean }): RewriterElement;
  onEndTag(handler: (tag: { before(content: string, options?: { html?: boolean }): void }) => void): void;
}

interface URLSearchParams {
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface Headers {
  [Symbol.iterator](): IterableIterator<[string, string]>;
  getSetCookie(): string[];
}
