/** Asks GrowthBook's own JavaScript SDK; reads and writes JSON lists of cases. */

import { pathToFileURL } from "node:url";

const sdk = `${process.argv[2]}/node_modules/@growthbook/growthbook/dist/esm`;
const load = (name) => import(pathToFileURL(`${sdk}/${name}.mjs`));
const { evalCondition } = await load("mongrule");
const { chooseVariation, getBucketRanges, hash, inNamespace } = await load("util");

// Both report odd input there, which is no concern of the answer.
console.error = () => undefined;

const probes = {
  evaluate: ({ condition, attributes, groups }) => evalCondition(attributes, condition, groups),
  hash: ({ seed, value, version }) => hash(seed, value, version),
  ranges: ({ count, coverage, weights }) => getBucketRanges(count, coverage, weights ?? undefined),
  choose: ({ n, ranges }) => chooseVariation(n, ranges),
  namespace: ({ id, namespace }) => inNamespace(id, namespace),
};

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { probe, cases } = JSON.parse(text);
console.log(JSON.stringify(cases.map((one) => probes[probe](one))));
