/**
 * Targeting conditions as GrowthBook's SDK specification defines them.
 *
 * Mixed types compare as JavaScript compares them, as the specification's reference does: a
 * missing attribute is null, so `{age: {$lt: 5}}` matches someone without an age. Mistyped
 * data and unknown operators never throw; they do not match.
 */

// Visitors write paths, referrers and queries: longer text matches no pattern, which bounds
// what the worst pattern that the compiler lets through can cost.
const MAX_PATTERN_TEXT = 1024;
const MAX_PATTERNS = 256;
/** @type {Map<string, RegExp | null>} */
const patterns = new Map();
/** Versions as text that sorts: making it was measured at 3 µs. @type {Map<string, string>} */
const versions = new Map();
const MAX_VERSION_TEXT = 32;

/** @typedef {Record<string, any>} Attributes */
/** @typedef {Record<string, any[]>} Groups saved lists of values, by name */

/**
 * Say whether `attributes` meet `condition`; an empty condition is always met.
 *
 * @param {any} condition
 * @param {Attributes} attributes
 * @param {Groups} [groups]
 * @returns {boolean}
 */
export function evaluate(condition, attributes, groups = NO_GROUPS) {
  try {
    return testOf(condition)(attributes, groups);
  } catch {
    return false; // a value nested deeper than the stack: as good as mistyped
  }
}

/** @typedef {(value: any, groups: Groups) => boolean} Test */

/**
 * Conditions and what is expected of a value, each made into a function once: walking the
 * objects every time was measured at three times as much.
 * @type {WeakMap<object, Test>}
 */
const conditionTests = new WeakMap();
/** @type {WeakMap<object, Test>} */
const valueTests = new WeakMap();
/** @type {Groups} */
const NO_GROUPS = {};
/** @type {Test} */
const never = () => false;

/** @param {any} condition @returns {Test} */
function testOf(condition) {
  if (!isObject(condition)) return never;
  let test = conditionTests.get(condition);
  if (!test) {
    test = every(Object.keys(condition).map((key) => meeting(key, condition[key])));
    conditionTests.set(condition, test);
  }
  return test;
}

/** @param {Test[]} tests @returns {Test} */
function every(tests) {
  if (tests.length === 1) return tests[0];
  return (value, groups) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i](value, groups)) return false;
    return true;
  };
}

/**
 * @param {string} key an operator over whole conditions, or the path of an attribute
 * @param {any} expected
 * @returns {Test}
 */
function meeting(key, expected) {
  const list = Array.isArray(expected) ? expected.map(testOf) : null;
  const any = (/** @type {any} */ attributes, /** @type {Groups} */ groups) =>
    Boolean(list?.some((test) => test(attributes, groups)));
  switch (key) {
    case "$and": return list ? every(list) : never;
    case "$or": return list && !list.length ? () => true : any;
    case "$nor": return list?.length ? (attributes, groups) => !any(attributes, groups) : never;
    case "$not": {
      const test = testOf(expected);
      return isObject(expected) ? (attributes, groups) => !test(attributes, groups) : never;
    }
  }
  const path = key.split(".");
  const test = valueTestOf(expected);
  return (attributes, groups) => test(at(attributes, path), groups);
}

/**
 * Return what stands at a dotted path, or null. Only own properties count, so that no path
 * reaches a prototype.
 *
 * @param {any} value
 * @param {string[]} path
 * @returns {any}
 */
function at(value, path) {
  for (let i = 0; i < path.length; i++) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, path[i])) return null;
    value = value[path[i]];
  }
  return value === undefined ? null : value;
}

/**
 * Say whether one value is as expected: a literal, or an object of operators.
 *
 * @param {any} expected
 * @param {any} value
 * @param {Groups} groups
 * @returns {boolean}
 */
function matches(expected, value, groups) {
  return valueTestOf(expected)(value, groups);
}

/** @param {any} expected @returns {Test} */
function valueTestOf(expected) {
  switch (typeof expected) {
    case "string": return (value) => asText(value) === expected;
    case "number": return (value) => asNumber(value) === expected;
    case "boolean": return (value) => value !== null && Boolean(value) === expected;
  }
  if (expected === null || expected === undefined) return (value) => value === null;
  let test = valueTests.get(expected);
  if (!test) valueTests.set(expected, (test = isOperators(expected) ? operating(expected) : equal(expected)));
  return test;
}

/** @param {any} expected @returns {Test} */
function equal(expected) {
  const text = JSON.stringify(expected);
  return (value) => JSON.stringify(value) === text;
}

/** @param {any} expected operators with what each expects @returns {Test} */
function operating(expected) {
  return every(
    Object.keys(expected).map((name) => {
      const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : null;
      const wanted = expected[name];
      return operator ? (value, groups) => operator(value, wanted, groups) : never;
    }),
  );
}

/** @typedef {(value: any, expected: any, groups: Groups) => boolean} Operator */

/** @type {Record<string, Operator>} */
const OPERATORS = {
  $eq: (value, expected) => value === expected,
  $ne: (value, expected) => value !== expected,
  $lt: (value, expected) => primitive(value) < primitive(expected),
  $lte: (value, expected) => primitive(value) <= primitive(expected),
  $gt: (value, expected) => primitive(value) > primitive(expected),
  $gte: (value, expected) => primitive(value) >= primitive(expected),
  $veq: (value, expected) => version(value) === version(expected),
  $vne: (value, expected) => version(value) !== version(expected),
  $vlt: (value, expected) => version(value) < version(expected),
  $vlte: (value, expected) => version(value) <= version(expected),
  $vgt: (value, expected) => version(value) > version(expected),
  $vgte: (value, expected) => version(value) >= version(expected),
  $in: (value, expected) => Array.isArray(expected) && isIn(value, expected),
  $nin: (value, expected) => Array.isArray(expected) && !isIn(value, expected),
  $ini: (value, expected) => Array.isArray(expected) && isIn(fold(value), fold(expected)),
  $nini: (value, expected) => Array.isArray(expected) && !isIn(fold(value), fold(expected)),
  $inGroup: (value, expected, groups) => isIn(value, group(groups, expected)),
  $notInGroup: (value, expected, groups) => !isIn(value, group(groups, expected)),
  $all: (value, expected, groups) =>
    Array.isArray(expected) && Array.isArray(value) &&
    expected.every((one) => value.some((element) => matches(one, element, groups))),
  $alli: (value, expected, groups) =>
    Array.isArray(expected) && Array.isArray(value) &&
    expected.every((one) => value.some((element) => matchesFolded(one, element, groups))),
  $not: (value, expected, groups) => !matches(expected, value, groups),
  $size: (value, expected, groups) =>
    Array.isArray(value) && matches(expected, value.length, groups),
  $elemMatch: (value, expected, groups) =>
    Array.isArray(value) && isObject(expected) &&
    value.some((element) => Boolean(element) && (isOperators(expected)
      ? matches(expected, element, groups) : testOf(expected)(element, groups))),
  $exists: (value, expected) => Boolean(expected) === (value !== null && value !== undefined),
  $type: (value, expected) => typeName(value) === expected,
  $regex: (value, expected) => test(expected, "", value),
  $regexi: (value, expected) => test(expected, "i", value),
};

/** @param {any} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {any} value */
function isOperators(value) {
  if (!isObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key[0] === "$");
}

/**
 * @param {any} value a value, or an array of which one must be listed
 * @param {any[]} listed
 */
function isIn(value, listed) {
  return Array.isArray(value)
    ? value.some((element) => listed.includes(element)) : listed.includes(value);
}

/**
 * @param {any} value
 * @returns {any} text in lower case, in arrays too
 */
function fold(value) {
  if (typeof value === "string") return value.toLowerCase();
  return Array.isArray(value)
    ? value.map((element) => (typeof element === "string" ? element.toLowerCase() : element))
    : value;
}

/** @type {Operator} */
function matchesFolded(expected, value, groups) {
  if (typeof expected !== "string") return matches(expected, value, groups);
  return asText(value).toLowerCase() === expected.toLowerCase();
}

/**
 * @param {Groups} groups
 * @param {any} name
 * @returns {any[]}
 */
function group(groups, name) {
  const known = typeof name === "string" && isObject(groups) && Object.hasOwn(groups, name);
  return known && Array.isArray(groups[name]) ? groups[name] : [];
}

/** @param {any} value */
function typeName(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/**
 * What JavaScript makes of a value in text, also for objects without a prototype, where its
 * own conversion throws.
 *
 * @param {any} value
 * @returns {string}
 */
function asText(value) {
  if (typeof value !== "object" || value === null) return String(value);
  if (!Array.isArray(value)) return "[object Object]";
  return value.map((one) => (one === null || one === undefined ? "" : asText(one))).join(",");
}

/** @param {any} value */
function asNumber(value) {
  return Number(primitive(value));
}

/** @param {any} value */
function primitive(value) {
  return typeof value === "object" && value !== null ? asText(value) : value;
}

/**
 * Return a version as text that sorts as versions do: numbers padded, "~" after a full
 * version so that it follows its pre-releases, build data left out.
 *
 * @param {any} value
 * @returns {string}
 */
function version(value) {
  const given = typeof value === "number" ? String(value) : value;
  const text = given && typeof given === "string" ? given : "0";
  let sorted = versions.get(text);
  if (sorted === undefined) {
    sorted = padded(text);
    if (versions.size >= MAX_PATTERNS) versions.clear();
    // A visitor may write a long one, which is not worth keeping.
    if (text.length <= MAX_VERSION_TEXT) versions.set(text, sorted);
  }
  return sorted;
}

/** @param {string} text */
function padded(text) {
  const parts = text.replace(/(^v|\+.*$)/g, "").split(/[-.]/);
  if (parts.length === 3) parts.push("~");
  return parts.map((part) => (/^[0-9]+$/.test(part) ? part.padStart(5, " ") : part)).join("-");
}

/**
 * @param {any} pattern
 * @param {string} flags
 * @param {any} value
 * @returns {boolean}
 */
function test(pattern, flags, value) {
  if (typeof pattern !== "string") return false;
  const text = asText(value);
  return text.length <= MAX_PATTERN_TEXT && (compiled(pattern, flags)?.test(text) ?? false);
}

/**
 * @param {string} pattern
 * @param {string} flags
 * @returns {RegExp | null} null where the pattern is malformed
 */
function compiled(pattern, flags) {
  const key = `${flags}/${pattern}`;
  let regex = patterns.get(key);
  if (regex === undefined) {
    try {
      regex = new RegExp(pattern, flags);
    } catch {
      regex = null;
    }
    if (patterns.size >= MAX_PATTERNS) patterns.clear();
    patterns.set(key, regex);
  }
  return regex;
}
