/** EdgeWorkers' `log`: what it says goes to the local edge's log. */

import { native } from "./host.js";

/** @param {string} format @param {any[]} values */
function log(format, ...values) {
  if (typeof format !== "string") throw new TypeError("log takes a format and values");
  const text = format.replace(/%[sdifoO]/g, (mark) => {
    const value = values.shift();
    if (mark === "%d" || mark === "%i") return String(parseInt(value, 10));
    if (mark === "%f") return String(parseFloat(value));
    return mark === "%s" ? String(value) : JSON.stringify(value);
  });
  native.console.warn(text);
}

export const logger = Object.freeze({ log });
