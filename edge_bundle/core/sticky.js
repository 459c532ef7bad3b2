/**
 * The fs_exp cookie: which variation of which experiment this device was shown, so that it stays.
 * `1.<experiment>-<variation>…`, oldest first; the name stands for an experiment and its phase.
 */

import { fnv1a } from "./bucket.js";

const FORM = /^1(\.[0-9a-z]{1,7}-[0-9a-j]){1,20}$/;

/**
 * Return the short name of an experiment's phase, or of the holdout, in cookies and decision ids.
 * @param {{key: string, phase?: number, name?: string}} entry
 */
export function shortName(entry) {
  return (entry.name ??= fnv1a(`${entry.key}\0${entry.phase ?? ""}`).toString(36));
}

/** @param {string|undefined} cookie @returns {string} "" when it is malformed */
export function readSticky(cookie) {
  return cookie && FORM.test(cookie) ? cookie : "";
}

/** @param {string} sticky @param {string} name @returns {number} -1 when none is kept */
export function keptVariation(sticky, name) {
  const at = sticky.indexOf(`.${name}-`);
  return at < 0 ? -1 : parseInt(sticky[at + name.length + 2], 36);
}
