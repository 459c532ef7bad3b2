/** Asks flags through OpenFeature's web SDK, twice from the network; prints JSON. */

import { createRequire } from "node:module";

const { root, baseUrl, token, context, asked } = JSON.parse(process.argv[2]);
const require = createRequire(`${root}/`);
const { OpenFeature } = require("@openfeature/web-sdk");
const { OFREPWebProvider } = require("@openfeature/ofrep-web-provider");

const statuses = [];
const fetchImplementation = async (request, options) => {
  const response = await fetch(request, options);
  statuses.push(response.status);
  return response;
};
const headers = token ? [["authorization", `Bearer ${token}`]] : [];
const options = { baseUrl, headers, fetchImplementation, cacheMode: "disabled", pollInterval: 100 };
const provider = new OFREPWebProvider(options);
await OpenFeature.setContext(context);
await OpenFeature.setProviderAndWait(provider);
while (statuses.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
const client = OpenFeature.getClient();
const details = asked.map(({ key, fallback }) =>
  typeof fallback === "string"
    ? client.getStringDetails(key, fallback)
    : client.getObjectDetails(key, fallback),
);
await OpenFeature.close();
console.log(JSON.stringify({ statuses: statuses.slice(0, 2), details }));
process.exit(0);
