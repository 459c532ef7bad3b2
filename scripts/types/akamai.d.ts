/** EdgeWorkers' built-in modules. */

declare module "create-response";
declare module "crypto";
declare module "encoding";
declare module "html-rewriter";
declare module "http-request";
declare module "log";
declare module "text-encode-transform";
declare module "url-search-params";

declare module "streams" {
  class ReadableStream {
    constructor(source: { start?(out: any): unknown; pull?(out: any): unknown; cancel?(): unknown });
    pipeThrough(through: any): any;
  }
  class TransformStream {
    constructor(steps: {
      start?(out: any): unknown;
      transform?(chunk: any, out: any): unknown;
      flush?(out: any): unknown;
    });
    readable: any;
    writable: any;
  }
}
