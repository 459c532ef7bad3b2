/**
 * The web's globals that the core reads and EdgeWorkers has only as modules. Imported first,
 * since modules of the core make encoders while they load.
 */

import { TextDecoder, TextEncoder, atob, btoa } from "encoding";
import { logger } from "log";

const warn = (/** @type {string} */ text) => logger.log("%s", text);

Object.assign(globalThis, { TextDecoder, TextEncoder, atob, btoa, console: { warn } });
