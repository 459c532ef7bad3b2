/** What the shop has, without us: the last rung. */

import { withoutOurs } from "./core/cookies.js";

/** Ask the origin as a visitor would whom nobody knows. Throws when it cannot be asked. @param {Request} request */
export async function plainPage(request) {
  const response = await fetch(request, { headers: headersOf(request), redirect: "manual" });
  const page = new Response(response.body, response);
  // What it says to us alone.
  page.headers.delete("frontshelf-user");
  return page;
}

/** The headers of a request without our cookies. @param {Request} request */
export function headersOf(request) {
  const headers = new Headers(request.headers);
  const sent = headers.get("cookie");
  if (sent === null) return headers;
  const cookies = withoutOurs(sent);
  if (cookies) headers.set("cookie", cookies);
  else headers.delete("cookie");
  return headers;
}
