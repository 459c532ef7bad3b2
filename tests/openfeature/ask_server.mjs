/** Asks flags through OpenFeature's server SDK; argument: a JSON call. Prints details as JSON. */

import { createRequire } from "node:module";

const { root, baseUrl, token, asked } = JSON.parse(process.argv[2]);
const require = createRequire(`${root}/`);
const { OpenFeature } = require("@openfeature/server-sdk");
const { OFREPProvider } = require("@openfeature/ofrep-provider");

const headers = token ? { authorization: `Bearer ${token}` } : {};
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
const client = OpenFeature.getClient();
const details = [];
for (const { key, fallback, context } of asked) {
  details.push(
    typeof fallback === "string"
      ? await client.getStringDetails(key, fallback, context)
      : await client.getObjectDetails(key, fallback, context),
  );
}
console.log(JSON.stringify(details));
await OpenFeature.close();
