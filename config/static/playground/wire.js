// Requests and answers as the playground sends and shows them, and what a token says of itself.

const LONGEST_BODY = 4000; // characters of an answer that are shown

/** Send one request, and return it with its answer. It does not throw. */
export async function send(method, path, { authorization, body, byCookie = false } = {}) {
  const headers = { Accept: "application/json" };
  if (authorization) headers.Authorization = authorization;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const exchange = { method, path, headers, body, byCookie, sent: performance.now() };
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      // A refresh cookie beside a refresh token in the body would be refused.
      credentials: byCookie ? "same-origin" : "omit",
      // The answer is stored even if this tab is closed while it is under way.
      keepalive: method !== "GET",
    });
    exchange.text = await response.text();
    exchange.status = response.status;
    exchange.reason = response.statusText;
    exchange.answered = [...response.headers];
    exchange.retryAfter = Number(response.headers.get("Retry-After")) || 0;
    exchange.timing = response.headers.get("Server-Timing");
    exchange.json = parsed(exchange.text);
  } catch (error) {
    exchange.failure = `${error.message}.`;
  }
  exchange.took = performance.now() - exchange.sent;
  return exchange;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isGood(exchange) {
  return exchange.status >= 200 && exchange.status < 300;
}

/** Return the request as it is sent, but for the headers that the browser adds. */
export function requestText({ method, path, headers, body, byCookie }) {
  const lines = [`${method} ${path}`, `Host: ${location.host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (byCookie) lines.push("Cookie: (the browser adds it if it has one; no script can read it)");
  if (body !== undefined) {
    const shown = body.password === undefined ? body : { ...body, password: "••••••••" };
    lines.push("", JSON.stringify(shown));
  }
  return lines.join("\n");
}

export function answerText({ status, reason, answered, text, failure }) {
  if (failure) return `No answer. ${failure}`;
  const lines = [`${status} ${reason}`.trim(), ...answered.map(([name, value]) => `${name}: ${value}`)];
  if (text) lines.push("", text.length > LONGEST_BODY ? `${text.slice(0, LONGEST_BODY)}… (cut)` : text);
  return lines.join("\n");
}

/** Return what an error says, from any of the forms that errors have. */
export function detail({ json, status, failure }) {
  if (failure) return failure;
  if (json === null || typeof json !== "object") return `status ${status}`;
  if (json.detail) return String(json.detail);
  return Object.entries(json).map(([name, texts]) => (name === "non_field_errors" ? texts : `${name}: ${texts}`)).join(" ");
}

/** Return one line about a request that failed. */
export function complaint(exchange) {
  if (exchange.failure) return `No answer: ${exchange.failure} Is the service running?`;
  if (exchange.status === 429) return `429, too many attempts. Retry-After: ${exchange.retryAfter} s.`;
  if (exchange.status === 503) return `503, the service cannot answer now. Retry-After: ${exchange.retryAfter} s.`;
  return `${exchange.status}: ${detail(exchange)}`;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Return the claims of a JWT, or an empty object for an opaque token. */
function claims(token) {
  const middle = token.split(".")[1];
  if (!middle) return {};
  try {
    return JSON.parse(atob(middle.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}

/** Return the seconds that a new token has left: as the answer says, or as the token itself does. */
export function secondsOf(token, stated) {
  if (stated !== undefined) return stated;
  const { exp, iat } = claims(token);
  return exp && iat ? exp - iat : undefined;
}
