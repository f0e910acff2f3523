// clients/fetch_auth.js in Node, against the service at SERVICE. Its access tokens live for seconds,
// and the user "ada" has PASSWORD. test_fetch_auth_in_node.py starts both.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BearerAuth,
  CredentialError,
  HTTPStatusError,
  MemoryStore,
  RemoteProtocolError,
  TokenAuth,
} from "./fetch_auth.mjs";

const { SERVICE, PASSWORD, LIFETIME } = process.env;
const ADA = { username: "ada", password: PASSWORD };
const OBTAIN = "/api/token/";
const REFRESH = "/api/token/refresh/";
const LOGOUT = "/api/token/logout/";

/**
 * Return a `fetch` that notes paths and statuses in `sent`. `change` may alter the service's answer,
 * and `instead` may answer in its place.
 */
function wire(change = async (path, response) => response, instead = () => null) {
  const send = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const response = instead(pathname, init) ?? (await change(pathname, await fetch(input, init)));
    send.sent.push(`${pathname} ${response.status}`);
    return response;
  };
  send.sent = [];
  return send;
}

const expire = () => new Promise((resolve) => setTimeout(resolve, (Number(LIFETIME) + 0.2) * 1000));

/** Return a fetch whose client is refused although its clock says that the token is fresh. */
function lateWire() {
  return wire(async (path, response) => {
    if (!path.startsWith(OBTAIN) || response.status !== 200) return response;
    return Response.json({ ...(await response.json()), expires_in: 3600 });
  });
}

async function who(auth) {
  const response = await auth.fetch("/whoami/");
  assert.equal(response.status, 200);
  return (await response.json()).scheme;
}

for (const [Kind, scheme] of [[BearerAuth, "jwt"], [TokenAuth, "token"]]) {
  test(`${Kind.name}: login, requests, logout, and the events of both`, async () => {
    const auth = new Kind(SERVICE);
    const events = [];
    for (const type of ["begin", "end"]) auth.addEventListener(type, (event) => events.push([type, event.reason]));
    assert.equal(await auth.resume(), false);
    await assert.rejects(auth.fetch("/whoami/"), { name: "CredentialError", reason: "none" });
    await auth.logIn(ADA);
    assert.equal(await who(auth), scheme);
    assert.equal(await auth.resume(), true);
    await auth.logOut();
    assert.equal(await auth.resume(), false);
    await assert.rejects(auth.fetch("/whoami/"), CredentialError);
    assert.deepEqual(events, [["begin", null], ["end", "logged out"]]);
  });

  test(`${Kind.name}: a wrong password says so and ends nothing`, async () => {
    const auth = new Kind(SERVICE);
    await auth.logIn(ADA);
    await assert.rejects(auth.logIn({ ...ADA, password: "wrong" }), (error) => {
      assert.equal(error.reason, "refused");
      assert.match(error.message, /^the login was refused: .*credentials/);
      assert.ok([400, 401].includes(error.response.status));
      return true;
    });
    assert.equal(await who(auth), scheme);
  });

  test(`${Kind.name}: no other origin sees the credential`, async () => {
    const send = wire();
    const auth = new Kind(SERVICE, { fetch: send });
    await auth.logIn(ADA);
    const others = ["https://example.org/", SERVICE.replace("127.0.0.1", "localhost"), SERVICE.replace(/:\d+/, ":1")];
    for (const other of others) await assert.rejects(auth.fetch(`${other}/whoami/`), RangeError);
    await assert.rejects(auth.fetch(new Request("https://example.org/")), RangeError);
    assert.equal(send.sent.length, 1);
  });

  test(`${Kind.name}: what is neither an address nor an option is refused`, () => {
    for (const wrong of ["ftp://host", "http://user:pw@host", `${SERVICE}/?a=1`, "host"]) {
      assert.throws(() => new Kind(wrong), (error) => error instanceof TypeError && !error.message.includes("pw"));
    }
    assert.throws(() => new Kind(SERVICE, { stor: new MemoryStore() }), /unknown option stor; allowed: .*store/);
  });

  test(`${Kind.name}: 429 and 503 keep the login and have their Retry-After`, async () => {
    let status = 429;
    const send = wire(undefined, (path) =>
      status && path.startsWith("/api") ? new Response("later", { status, headers: { "Retry-After": "7" } }) : null,
    );
    const auth = new Kind(SERVICE, { fetch: send });
    for (status of [429, 503]) {
      await assert.rejects(auth.logIn(ADA), (error) => {
        assert.ok(error instanceof HTTPStatusError);
        assert.equal(error.response.headers.get("Retry-After"), "7");
        assert.match(error.message, new RegExp(`returned ${status}, not 200: later`));
        return true;
      });
    }
    status = 0;
    await auth.logIn(ADA);
    status = 503;
    await assert.rejects(auth.logOut(), HTTPStatusError);
    status = 0;
    assert.equal(await who(auth), scheme);
  });
}

test("a request relative to the service, with a query and headers, keeps them", async () => {
  const auth = new TokenAuth(SERVICE);
  await auth.logIn(ADA);
  const response = await auth.fetch("/tracks/?page_size=1", { headers: { Accept: "application/json" } });
  assert.equal(response.status, 200);
  assert.ok("results" in (await response.json()));
});

test("a service below a path has its endpoints and relative addresses there", async () => {
  const asked = [];
  const send = async (input) => {
    asked.push(String(input));
    return Response.json({ token: "abc" });
  };
  for (const base of ["https://example.org/music", "https://example.org/music/"]) {
    const auth = new TokenAuth(base, { fetch: send });
    await auth.logIn(ADA);
    await auth.fetch("tracks/");
    await auth.fetch("/tracks/");
    await auth.fetch(new URL("https://example.org/music/tracks/"));
  }
  const tracks = ["/music/tracks/", "/tracks/", "/music/tracks/"];
  const expected = ["/music/api-token-auth/", ...tracks].map((path) => `https://example.org${path}`);
  assert.deepEqual(asked, [...expected, ...expected]);
});

test("many requests refresh once, before the token expires", async () => {
  const send = wire();
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  await expire();
  await Promise.all(Array.from({ length: 20 }, () => who(auth)));
  assert.deepEqual(send.sent.slice(0, 2), [`${OBTAIN} 200`, `${REFRESH} 200`]);
  assert.equal(send.sent.filter((each) => each.startsWith(REFRESH)).length, 1);
  assert.ok(!send.sent.includes("/whoami/ 401"));
});

test("clients that share a store refresh one after the other, and none is refused", async () => {
  const send = wire();
  const store = new MemoryStore();
  const clients = [1, 2, 3].map(() => new BearerAuth(SERVICE, { store, fetch: send }));
  await clients[0].logIn(ADA);
  await Promise.all(clients.map(who));
  assert.deepEqual(send.sent.filter((each) => each.endsWith("401")), []);
  assert.equal(send.sent.filter((each) => each === `${REFRESH} 200`).length, 2);
});

const BODIES = {
  string: () => "{}",
  bytes: () => new TextEncoder().encode("{}"),
  Blob: () => new Blob(["{}"]),
};
for (const [name, body] of Object.entries(BODIES)) {
  test(`a refused request is sent once more: ${name}`, async () => {
    const send = lateWire();
    const auth = new BearerAuth(SERVICE, { fetch: send });
    await auth.logIn(ADA);
    await expire();
    const headers = { "Content-Type": "application/json" };
    const response = await auth.fetch("/tracks/", { method: "POST", body: body(), headers });
    assert.equal(response.status, 400);
    assert.ok("title" in (await response.json()));
    assert.deepEqual(send.sent.slice(1), ["/tracks/ 401", `${REFRESH} 200`, "/tracks/ 400"]);
  });
}

test("a refused Request is sent once more with its body", async () => {
  const send = lateWire();
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  await expire();
  const headers = { "Content-Type": "application/json" };
  const response = await auth.fetch(new Request(`${SERVICE}/tracks/`, { method: "POST", body: "{}", headers }));
  assert.equal(response.status, 400);
  assert.deepEqual(send.sent.slice(1), ["/tracks/ 401", `${REFRESH} 200`, "/tracks/ 400"]);
});

const INVALID = { status: 401, headers: { "WWW-Authenticate": 'Bearer realm="api", error="invalid_token"' } };

test("a stream is not sent twice: the error says so, and there is a new credential", async () => {
  // The service takes no body without a length, so the refusal is a proxy's.
  const send = wire(undefined, (path, init) => (init.body instanceof ReadableStream ? new Response("", INVALID) : null));
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  const body = new Blob(["{}"]).stream();
  await assert.rejects(auth.fetch("/tracks/", { method: "POST", body, duplex: "half" }), (error) => {
    assert.ok(error instanceof HTTPStatusError);
    assert.equal(error.response.status, 401);
    assert.match(error.message, /cannot be sent twice; there is a new credential now/);
    return true;
  });
  assert.deepEqual(send.sent, [`${OBTAIN} 200`, "/tracks/ 401", `${REFRESH} 200`]);
  assert.equal(await who(auth), "jwt");
});

test("a request that is refused again is not sent a third time", async () => {
  const send = wire(undefined, (path) => (path === "/whoami/" ? new Response("no", INVALID) : null));
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  assert.equal((await auth.fetch("/whoami/")).status, 401);
  assert.deepEqual(send.sent, [`${OBTAIN} 200`, "/whoami/ 401", `${REFRESH} 200`, "/whoami/ 401"]);
});

test("a 401 that is not about the token is the caller's", async () => {
  for (const headers of [{}, { "WWW-Authenticate": "Bearer" }, { "WWW-Authenticate": 'Basic realm="proxy"' }]) {
    const send = wire(undefined, (path) => (path === "/whoami/" ? new Response("", { status: 401, headers }) : null));
    const auth = new BearerAuth(SERVICE, { fetch: send });
    await auth.logIn(ADA);
    assert.equal((await auth.fetch("/whoami/")).status, 401);
    assert.deepEqual(send.sent, [`${OBTAIN} 200`, "/whoami/ 401"]);
  }
});

test("a lost answer to a refresh costs nothing: the same refresh token gets the same child", async () => {
  let lose = true;
  const send = wire(async (path, response) => {
    if (path === REFRESH && lose) {
      lose = false;
      throw new TypeError("fetch failed");
    }
    return response;
  });
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  await expire();
  await assert.rejects(auth.fetch("/whoami/"), TypeError);
  assert.equal(await who(auth), "jwt");
});

test("a login that ended elsewhere ends here once, and is not asked about again", async () => {
  const send = wire();
  const store = new MemoryStore();
  const auth = new BearerAuth(SERVICE, { store, fetch: send });
  const ends = [];
  auth.addEventListener("end", (event) => ends.push(event));
  await auth.logIn(ADA);
  await fetch(SERVICE + LOGOUT, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh: store.load() }),
  });
  for (let turn = 0; turn < 2; turn++) {
    await assert.rejects(auth.fetch("/whoami/"), (error) => {
      assert.equal(error.reason, "ended");
      assert.match(error.message, /log in again: .*The login has been ended/);
      return true;
    });
  }
  assert.deepEqual(ends.map(({ reason, error }) => [reason, error.response.status]), [["ended", 401]]);
  assert.deepEqual(send.sent, [`${OBTAIN} 200`, "/whoami/ 401", `${REFRESH} 401`]);
  assert.equal(store.load(), null);
  await auth.logIn(ADA);
  assert.equal(await who(auth), "jwt");
});

test("the reuse of a spent refresh token ends the login as reused", async () => {
  const auth = new BearerAuth(SERVICE);
  const store = new MemoryStore();
  const first = new BearerAuth(SERVICE, { store });
  await first.logIn(ADA);
  const parent = store.load();
  await expire();
  await who(first);
  await expire(); // the grace is shorter
  const thief = new BearerAuth(SERVICE, { store: new MemoryStore(parent) });
  await assert.rejects(thief.fetch("/whoami/"), { reason: "reused" });
  await assert.rejects(first.fetch("/whoami/"), { reason: "ended" });
  assert.equal(await auth.resume(), false);
});

test("a refusal that may pass ends nothing, and the next request asks again", async () => {
  let refuse = true;
  const detail = { detail: "Token is invalid", code: "token_not_valid" };
  const send = wire(undefined, (path) =>
    path === REFRESH && refuse ? Response.json(detail, { status: 401 }) : null,
  );
  const auth = new BearerAuth(SERVICE, { fetch: send });
  const ends = [];
  auth.addEventListener("end", (event) => ends.push(event));
  await auth.logIn(ADA);
  await expire();
  await assert.rejects(auth.fetch("/whoami/"), { name: "CredentialError", reason: "refused" });
  await assert.rejects(auth.resume(), { reason: "refused" });
  refuse = false;
  assert.equal(await who(auth), "jwt");
  assert.deepEqual(ends, []);
});

test("a redirected login or refresh is not sent on", async () => {
  const send = async (input, init) => {
    assert.equal(init.redirect, "manual");
    return new Response(null, { status: 307, headers: { Location: "https://example.org/" } });
  };
  await assert.rejects(new BearerAuth(SERVICE, { fetch: send }).logIn(ADA), RemoteProtocolError);
  await assert.rejects(new TokenAuth(SERVICE, { fetch: send }).logIn(ADA), RemoteProtocolError);
});

test("a 200 without a usable credential is no login, and the message does not show it", async () => {
  for (const fields of [{}, { access: "a b", refresh: "secret\n" }, [], "text"]) {
    const auth = new BearerAuth(SERVICE, { fetch: async () => Response.json(fields) });
    await assert.rejects(auth.logIn(ADA), (error) => error instanceof RemoteProtocolError && !/secret/.test(error.message));
  }
});

test("a logout does not clear a newer login of the store", async () => {
  const store = new MemoryStore();
  const newer = new MemoryStore();
  await new BearerAuth(SERVICE, { store: newer }).logIn(ADA);
  const send = wire(async (path, response) => {
    if (path === LOGOUT) store.save(newer.load()); // another tab, where browsers have no Web Locks
    return response;
  });
  const auth = new BearerAuth(SERVICE, { store, fetch: send });
  await auth.logIn(ADA);
  await auth.logOut();
  assert.equal(store.load(), newer.load());
  assert.equal(await who(auth), "jwt");
});

test("a caller that gives up does not stop the refresh of the others", async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const send = wire(async (path, response) => {
    if (path === REFRESH) await held;
    return response;
  });
  const auth = new BearerAuth(SERVICE, { fetch: send });
  await auth.logIn(ADA);
  await expire();
  const leaver = new AbortController();
  const left = auth.fetch("/whoami/", { signal: leaver.signal });
  const stayed = who(auth);
  leaver.abort();
  await assert.rejects(left, { name: "AbortError" });
  release();
  assert.equal(await stayed, "jwt");
  assert.equal(send.sent.filter((each) => each.startsWith(REFRESH)).length, 1);
});

test("a rotated token works, and a client with the earlier one goes on with the successor", async () => {
  const send = wire();
  const store = new MemoryStore();
  const [one, two] = [1, 2].map(() => new TokenAuth(SERVICE, { store, fetch: send }));
  await one.logIn(ADA);
  const before = store.load();
  const slow = two.fetch("/whoami/", {});
  await one.rotate();
  assert.notEqual(store.load(), before);
  assert.equal((await slow).status, 200);
  assert.equal(await who(two), "token");
});

test("a token that was revoked ends the login with an event", async () => {
  const store = new MemoryStore();
  const [one, two] = [store, new MemoryStore()].map((each) => new TokenAuth(SERVICE, { store: each }));
  const ends = [];
  one.addEventListener("end", (event) => ends.push(event.reason));
  await one.logIn(ADA);
  await two.logIn(ADA); // `token` has one token for a user
  await who(one);
  await two.logOut();
  for (let turn = 0; turn < 2; turn++) await assert.rejects(one.fetch("/whoami/"), { reason: "refused" });
  assert.deepEqual(ends, ["refused"]);
});
