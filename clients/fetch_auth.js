/**
 * Authentication for `fetch` in pages, workers and Node: TokenAuth (opaque tokens), BearerAuth (JWT).
 *
 * Copy this file and, for types, fetch_auth.d.ts. It needs nothing else.
 *
 *     const auth = new BearerAuth("https://api.example.org", { cookie: true });
 *     auth.addEventListener("end", (event) => showLoginForm(event.error));
 *     await auth.logIn({ username, password });
 *     const response = await auth.fetch("/tracks/");  // the arguments and the answer of fetch
 *
 * Clients that share a store, or the cookie, share a login: all tabs and workers of an origin. Web
 * Locks let one of them refresh at a time, and it passes the new access token on to the others.
 * Browsers have Web Locks on https and on localhost only. Elsewhere, and in Node before 24, one
 * process still refreshes once, but several tabs may each refresh.
 *
 * A request can reject with what `fetch` rejects with, and with these:
 *
 * CredentialError      the service refused the password or the token, or the login has ended.
 *                      `reason` is "expired", "ended", "reused" or "logged out" for an end, and
 *                      "refused" or "none" (there is no login) otherwise
 * HTTPStatusError      the answer to a login, refresh, rotation or logout had another status, such
 *                      as 429 or 503; `response` has its Retry-After. The login is kept. Also: a
 *                      body that cannot be sent twice was refused (see `fetch`)
 * RemoteProtocolError  such a request was redirected, or its 200 carried no credential
 * RangeError           the request goes to another origin, which must not see the credential
 *                      (RFC 6750 5.3)
 * TimeoutError         (a DOMException) another client has held the login for WAIT seconds
 */

const MARGIN = 30; // refresh this many seconds before the access token expires, or at half its lifetime
const WAIT = 60; // seconds that a request waits while another client logs in or refreshes
const ANSWER = 1; // seconds that a client waits for the access token of another tab, which may be frozen

export class CredentialError extends Error {
  name = "CredentialError";

  constructor(message, reason, response = null) {
    super(message);
    this.reason = reason;
    this.response = response;
  }
}

export class HTTPStatusError extends Error {
  name = "HTTPStatusError";

  constructor(message, response) {
    super(message);
    this.response = response;
  }
}

export class RemoteProtocolError extends Error {
  name = "RemoteProtocolError";
}

/** The event `begin` or `end` of a login. An `end` has the CredentialError that says why. */
export class LoginEvent extends Event {
  constructor(type, error = null) {
    super(type);
    this.error = error;
    this.reason = error?.reason ?? null;
  }
}

/**
 * A store that keeps an opaque token, or the newest refresh token, in memory.
 *
 * Another store is any object with `load` and `save`, which may return promises. If other tabs read
 * the same credential, its `shared` is a name of the place. Clients call both methods only while
 * they hold the Web Lock of that name.
 */
export class MemoryStore {
  shared = null;
  #credential;

  constructor(credential = null) {
    this.#credential = credential;
  }

  load() {
    return this.#credential;
  }

  save(credential) {
    this.#credential = credential;
  }
}

/** A store in localStorage, which all tabs of the origin share. Any script of the page can read it. */
export class LocalStore {
  #key;

  constructor(key = "fetch_auth") {
    this.#key = key;
    this.shared = `localStorage ${key}`;
  }

  load() {
    return localStorage.getItem(this.#key);
  }

  save(credential) {
    if (credential === null) localStorage.removeItem(this.#key);
    else localStorage.setItem(this.#key, credential);
  }
}

/** What both kinds share: the address of the service, a store, its lock, and word from other tabs. */
class StoredAuth extends EventTarget {
  constructor(baseUrl, options, path, allowed) {
    super();
    const unknown = Object.keys(options).find((name) => !allowed.includes(name));
    if (unknown !== undefined) throw new TypeError(`unknown option ${unknown}; allowed: ${allowed.join(", ")}`);
    this._base = addressOf(baseUrl);
    this._endpoint = this._base + path;
    this._send = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this._store = options.store ?? new MemoryStore();
    const place = options.cookie ? "cookie" : (this._store.shared ?? null);
    this._shared = place === null ? null : `fetch_auth ${this._endpoint} ${place}`;
    this._channel = null;
    if (this._shared !== null && globalThis.BroadcastChannel) {
      this._channel = new BroadcastChannel(this._shared);
      this._channel.onmessage = ({ data }) => this._hear(data);
      this._channel.unref?.(); // a channel would keep Node running
    }
  }

  /** Stop listening to other tabs. A client that is closed must not be used again. */
  close() {
    this._channel?.close();
    this._channel = null;
  }

  /**
   * Do what `fetch` does, with the credential. A relative address is the service's, not the page's.
   *
   * A request that is refused because of its credential is sent once more with a new one. A body
   * that cannot be sent twice (a stream or an iterator in `init.body`) is not: this rejects with
   * HTTPStatusError, there is a new credential by then, and the caller sends a new body. A Request
   * is copied first, so its body can be sent twice.
   */
  async fetch(input, init = {}) {
    const isRequest = typeof input === "object" && "clone" in input;
    const url = new URL(isRequest ? input.url : input, this._base);
    if (url.origin !== new URL(this._base).origin) {
      throw new RangeError(
        `a credential of ${this._base} is not sent to ${url.origin}; allowed: that origin, or plain fetch`,
      );
    }
    const signal = init.signal ?? (isRequest ? input.signal : null);
    const attempt = (credential, last) => {
      const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
      headers.set("Authorization", `${this._scheme} ${credential}`);
      const target = !isRequest ? url : last ? input : input.clone();
      return this._send(target, { ...init, headers });
    };
    let credential = await unlessAborted(signal, this._credential());
    const response = await attempt(credential, false);
    if (!this._isRefused(response)) {
      this._worked();
      return response;
    }
    credential = await unlessAborted(signal, this._next(credential, response));
    if (!isReplayable(init.body)) {
      throw new HTTPStatusError(
        "the service refused the credential, and the body of this request cannot be sent twice; " +
          "there is a new credential now, send the request again",
        response,
      );
    }
    await response.body?.cancel();
    const second = await attempt(credential, true);
    if (!this._isRefused(second)) this._worked();
    return second;
  }

  /** Run `work` while no other client of this store does, in any tab or worker. */
  _exclusively(work) {
    const locks = globalThis.navigator?.locks;
    if (this._shared === null || !locks) return inTurn(this._shared ?? this._store, work);
    return locks.request(this._shared, { signal: AbortSignal.timeout(WAIT * 1000) }, work);
  }

  /** Return true if the service refused the credential itself (RFC 6750 3.1). */
  _isRefused(response) {
    const challenges = response.headers.get("WWW-Authenticate") ?? "";
    const isOurs = !response.url || new URL(response.url).origin === new URL(this._base).origin;
    return response.status === 401 && isOurs && /error\s*=\s*"?invalid_token\b/.test(challenges);
  }

  async _post(name, fields, options = {}) {
    const { headers, ...others } = options;
    const response = await this._send(this._endpoint + name, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", ...headers },
      body: JSON.stringify(fields),
      redirect: "manual",
      cache: "no-store",
      ...others,
    });
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      throw new RemoteProtocolError(`POST ${this._endpoint}${name} was redirected and not sent on`);
    }
    return response;
  }

  /** Raise unless the service accepted the fields of a login. */
  async _requireLogin(response) {
    // DRF's own view returns 400 for a wrong password.
    if (response.status === 400 || response.status === 401) {
      throw new CredentialError(`the login was refused: ${await said(response)}`, "refused", response);
    }
    await requireStatus(response, 200);
  }

  _tell(message) {
    this._channel?.postMessage(message);
  }
}

/**
 * JWT authentication, `Authorization: Bearer …`. `logIn` begins a login, `resume` goes on with one.
 *
 * Keeps the access token in memory, and refreshes it MARGIN seconds before it expires or when the
 * service refuses it. The refresh token is in the `store`, or with `cookie: true` in a cookie that no
 * script can read. Refreshes and logouts are sent with `keepalive`: a browser then stores the new
 * cookie even if the tab is closed before the answer comes.
 *
 * After a refusal that is final, every request rejects at once with the same CredentialError, until
 * there is a new login. Any other refusal may be temporary: the next request tries again.
 */
export class BearerAuth extends StoredAuth {
  _scheme = "Bearer";
  #cookie;
  #access = null; // {token, id, due, login, end, drop}
  #renewing = null;
  #login; // the login in use; null after its end, undefined before the first one is known
  #stopped = null; // why the login has ended
  #loginEnd = Infinity; // when the refresh token expires

  constructor(baseUrl, options = {}) {
    if (options.cookie && options.store) throw new TypeError("allowed: a store or the cookie, not both");
    super(baseUrl, options, "api/token/", ["cookie", "fetch", "store"]);
    this.#cookie = options.cookie ?? false;
  }

  /** Log in with the fields of the login: a user name, a password and perhaps a label. */
  async logIn(fields) {
    await this._exclusively(async () => {
      const asked = now();
      const response = await this.#post("", this.#cookie ? { ...fields, cookie: true } : fields);
      await this._requireLogin(response);
      const access = await this.#accept(response, asked, true);
      this._tell({ type: "begin", login: access.login });
    });
  }

  /** Return whether there is a login. Ask the service if this client has no fresh access token. */
  async resume() {
    this.#stopped = null;
    try {
      await this._credential();
      return true;
    } catch (error) {
      if (error instanceof CredentialError && error.reason !== "refused") return false;
      throw error;
    }
  }

  /** End the login here and in all tabs; with `everywhere`, end every credential of the user. */
  async logOut({ everywhere = false } = {}) {
    await this._exclusively(async () => {
      const refresh = await this.#stored();
      if (refresh !== null || this.#cookie) {
        const fields = { ...(this.#cookie ? {} : { refresh }), ...(everywhere ? { everywhere } : {}) };
        const response = await this.#post("logout/", fields, { keepalive: true });
        if (response.status === 401) {
          if ((await this.#whyFinal(response)) === null) {
            throw new CredentialError(`the logout was refused: ${await said(response)}`, "refused", response);
          }
        } else await requireStatus(response, 204);
        await this.#forget(refresh);
      }
      this._tell({ type: "end", reason: "logged out", login: this.#login });
      this.#end(new CredentialError("logged out", "logged out"));
    });
  }

  close() {
    super.close();
    this.#drop();
  }

  async _credential() {
    const access = this.#access;
    return (access && now() < access.due ? access : await this.#renewed(access)).token;
  }

  async _next(refused) {
    const access = this.#access;
    return (await this.#renewed(access?.token === refused ? access : null, refused)).token;
  }

  _worked() {}

  async #renewed(stale, refused = stale?.token) {
    if (this.#access !== null && this.#access !== stale) return this.#access;
    this.#renewing ??= this._exclusively(() => this.#renew(stale, refused)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** Return an access token other than `stale`: another tab's, or a new one. */
  async #renew(stale, refused) {
    if (this.#access !== null && this.#access !== stale) return this.#access;
    const refresh = await this.#stored();
    if (this.#cookie ? this.#stopped : refresh === null) {
      if (this.#login && !this.#stopped) this.#end(new CredentialError("the login has ended", "ended"));
      throw this.#stopped ?? new CredentialError("there is no login", "none");
    }
    const lent = await this.#borrowed(refused, refresh);
    if (lent !== null) return this.#use(lent);
    const asked = now();
    const response = await this.#post("refresh/", this.#cookie ? {} : { refresh }, { keepalive: true });
    if (response.status === 401) await this.#refuse(response, refresh);
    await requireStatus(response, 200);
    return this.#accept(response, asked, false);
  }

  /** Raise a CredentialError, and end the login if the refusal is final. */
  async #refuse(response, refresh) {
    const why = await this.#whyFinal(response);
    const text = await said(response);
    if (why === null) {
      const message = `the refresh token was refused, the next request presents it again: ${text}`;
      throw new CredentialError(message, "refused", response);
    }
    if (why === "none" && !this.#login) {
      throw (this.#stopped = new CredentialError(`there is no login: ${text}`, "none", response));
    }
    // A browser drops a cookie that has expired.
    const reason = why !== "none" ? why : now() < this.#loginEnd ? "ended" : "expired";
    const error = new CredentialError(`the login has ended, log in again: ${text}`, reason, response);
    await this.#forget(refresh);
    this._tell({ type: "end", reason, login: this.#login });
    this.#end(error);
    throw error;
  }

  /** Return why this 401 is final, or null if the token may be accepted later. */
  async #whyFinal(response) {
    const { detail, code } = await fieldsOf(response);
    // The words of this service and of SimpleJWT. A text that is not recognized costs only one
    // refresh per request.
    if (/\bused before\b/.test(detail)) return "reused";
    if (/\b(ended|blacklisted)\b/.test(detail)) return "ended";
    if (/\bexpired\b/.test(detail)) return "expired";
    return this.#cookie && code !== "token_not_valid" ? "none" : null; // there was no cookie
  }

  /** Keep what a login or refresh returned. */
  async #accept(response, asked, isLogin) {
    const fields = await fieldsOf(response);
    // A server may keep the refresh token, and then send none (RFC 6749 6).
    if (!this.#cookie && (isLogin || "refresh" in fields)) {
      await this._store.save(credentialIn(fields, "refresh", response));
    }
    const token = credentialIn(fields, "access", response);
    const lifetime = lifetimeOf(token, fields.expires_in);
    const due = asked + lifetime - Math.min(MARGIN, lifetime / 2);
    const end = asked + (fields.refresh_expires_in ?? Infinity);
    return this.#use({ token, id: randomId(), due, login: loginOf(token), end });
  }

  async #use(access) {
    const drop = await this.#show(access.id);
    this.#drop();
    this.#access = { ...access, drop };
    this.#loginEnd = access.end;
    this.#stopped = null;
    if (this.#login !== access.login) {
      this.#login = access.login;
      this.dispatchEvent(new LoginEvent("begin"));
    }
    return this.#access;
  }

  #drop() {
    this.#access?.drop();
    this.#access = null;
  }

  #end(error) {
    const hadNone = this.#login === null;
    this.#drop();
    this.#login = null;
    this.#stopped = error;
    if (!hadNone) this.dispatchEvent(new LoginEvent("end", error));
  }

  async #stored() {
    return this.#cookie ? null : ((await this._store.load()) ?? null);
  }

  /** Empty the store, unless it holds a newer login. */
  async #forget(refresh) {
    const stored = await this.#stored();
    if (stored !== null && (stored === refresh || loginOf(stored) === loginOf(refresh))) await this._store.save(null);
  }

  #post(name, fields, options = {}) {
    // In body mode a cookie must not come along: the service refuses two refresh tokens.
    return this._post(name, fields, { ...options, credentials: this.#cookie ? "include" : "omit" });
  }

  // A client that waited for the lock must learn that the one before it has refreshed, and a message
  // may arrive after the lock. So each holds a shared lock whose name says which access token it
  // has. The browser answers `query` in order, and the locks of a closed tab are gone.

  /** Let other tabs see that this one has an access token. Return the function that ends it. */
  #show(id) {
    const locks = globalThis.navigator?.locks;
    if (this._channel === null || !locks) return () => {};
    return new Promise((shown, failed) => {
      const hold = () => new Promise((drop) => shown(drop));
      locks.request(`${this._shared} has ${id}`, { mode: "shared" }, hold).catch(failed);
    });
  }

  /** Return a fresh access token of another tab, or null. */
  async #borrowed(refused, refresh) {
    const locks = globalThis.navigator?.locks;
    if (this._channel === null || !locks) return null;
    const prefix = `${this._shared} has `;
    const names = (await locks.query()).held.map(({ name }) => name).filter((name) => name.startsWith(prefix));
    for (const id of new Set(names.map((name) => name.slice(prefix.length)))) {
      const lent = id === this.#access?.id ? null : await this.#ask(id);
      const isOther = lent !== null && refresh !== null && loginOf(refresh) !== lent.login;
      if (lent !== null && lent.token !== refused && !isOther) return lent;
    }
    return null;
  }

  #ask(id) {
    return new Promise((resolve) => {
      const answers = new BroadcastChannel(`${this._shared} ${randomId()}`);
      const finish = (lent) => {
        clearTimeout(timer);
        answers.close();
        resolve(lent);
      };
      const timer = setTimeout(finish, ANSWER * 1000, null);
      answers.onmessage = ({ data }) =>
        finish(data && { token: data.token, login: data.login, id, due: now() + data.left, end: now() + data.ends });
      this._tell({ type: "ask", id, answers: answers.name });
    });
  }

  _hear(message) {
    const access = this.#access;
    if (message.type === "ask" && access?.id === message.id) {
      const answers = new BroadcastChannel(message.answers);
      const { token, login, due, end } = access;
      // Clocks of two tabs begin at different times.
      answers.postMessage(due > now() ? { token, login, left: due - now(), ends: end - now() } : null);
      answers.close();
    }
    if (message.type === "begin" && message.login !== this.#login) {
      this.#drop();
      this.#stopped = null;
      this.#login = message.login;
      this.dispatchEvent(new LoginEvent("begin"));
    }
    const isOurs = [this.#login, undefined].includes(message.login) || this.#login === undefined;
    if (message.type === "end" && isOurs) {
      this.#end(new CredentialError(`the login has ended in another tab: ${message.reason}`, message.reason));
    }
  }
}

/**
 * Authentication by an opaque token, `Authorization: Token …`, from `logIn` or from the store.
 *
 * If the service refuses the token, a request rejects with CredentialError and there is an event
 * `end`; the next request presents it again. If another tab has rotated the token, the request is
 * instead sent once more with the successor.
 */
export class TokenAuth extends StoredAuth {
  _scheme = "Token";
  #isLive = null; // null before the first answer

  constructor(baseUrl, options = {}) {
    super(baseUrl, options, "api-token-auth/", ["fetch", "store"]);
  }

  /** Log in with the fields of the login: a user name, a password and what else the kind takes. */
  async logIn(fields) {
    await this._exclusively(async () => {
      const response = await this._post("", fields, { credentials: "omit" });
      await this._requireLogin(response);
      await this._store.save(credentialIn(await fieldsOf(response), "token", response));
      this.#isLive = false;
      this._worked();
      this._tell({ type: "begin" });
    });
  }

  /** Return whether a token is stored. The service is not asked. */
  async resume() {
    return ((await this._store.load()) ?? null) !== null;
  }

  /** Replace the token. If the answer is lost, the token is lost too: log in again. */
  async rotate() {
    await this._exclusively(async () => {
      const [key, response] = await this.#postWithKey("new/", {});
      if (this._isRefused(response)) await this.#refuse(response);
      await requireStatus(response, 200);
      const successor = credentialIn(await fieldsOf(response), "token", response);
      if ((await this._store.load()) === key) await this._store.save(successor);
    });
  }

  /** Revoke the token; with `everywhere`, end every credential of the user. */
  async logOut({ everywhere = false } = {}) {
    await this._exclusively(async () => {
      if (((await this._store.load()) ?? null) !== null) {
        const [key, response] = await this.#postWithKey("revoke/", everywhere ? { everywhere } : {}, true);
        if (!this._isRefused(response)) await requireStatus(response, 204);
        if ((await this._store.load()) === key) await this._store.save(null);
      }
      this._tell({ type: "end", reason: "logged out" });
      this.#end(new CredentialError("logged out", "logged out"));
    });
  }

  async _credential() {
    const key = (await this._store.load()) ?? null;
    if (key === null) throw new CredentialError("there is no login", "none");
    return key;
  }

  async _next(refused, response) {
    return this._exclusively(async () => {
      const key = (await this._store.load()) ?? null; // after the rotation of another tab
      if (key === null || key === refused) await this.#refuse(response);
      return key;
    });
  }

  _worked() {
    if (this.#isLive !== true) {
      this.#isLive = true;
      this.dispatchEvent(new LoginEvent("begin"));
    }
  }

  async #postWithKey(name, fields, keepalive = false) {
    const key = await this._credential();
    const headers = { Authorization: `Token ${key}` };
    return [key, await this._post(name, fields, { headers, keepalive, credentials: "omit" })];
  }

  async #refuse(response) {
    const message = `the token was refused, log in again: ${await said(response)}`;
    const error = new CredentialError(message, "refused", response);
    this.#end(error);
    throw error;
  }

  #end(error) {
    const wasDead = this.#isLive === false;
    this.#isLive = false;
    if (!wasDead) this.dispatchEvent(new LoginEvent("end", error));
  }

  _hear({ type, reason }) {
    if (type === "begin") {
      this.#isLive = false;
      this._worked();
    }
    if (type === "end") {
      this.#end(new CredentialError(`the login has ended in another tab: ${reason}`, reason));
    }
  }
}

const turns = (globalThis[Symbol.for("fetch_auth")] ??= new Map()); // one for all copies of this module

/** Run `work` after all that came before it with this key, in this process. */
async function inTurn(key, work) {
  const before = turns.get(key) ?? Promise.resolve();
  let leave;
  const tail = Promise.all([before, new Promise((resolve) => (leave = resolve))]);
  turns.set(key, tail);
  try {
    await unlessAborted(AbortSignal.timeout(WAIT * 1000), before);
    return await work();
  } finally {
    leave();
    if (turns.get(key) === tail) turns.delete(key);
  }
}

/** Return what the promise becomes, unless the signal is aborted first. */
async function unlessAborted(signal, promise) {
  if (!signal) return promise;
  let abort;
  const aborted = new Promise((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
  promise.catch(() => {}); // others may wait for it; this caller has left
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Return the address with a slash at its end. Raise TypeError unless it can be a service's. */
function addressOf(baseUrl) {
  let url = null;
  try {
    url = new URL(baseUrl, globalThis.location?.href);
  } catch {
    // refused below
  }
  const isHttp = url !== null && ["http:", "https:"].includes(url.protocol);
  if (!isHttp || url.username || url.password || url.search || url.hash) {
    const shown = String(baseUrl).replace(/\/\/.*@/, "//…@"); // without a password
    throw new TypeError(
      `baseUrl ${shown}; allowed: the service's address, http(s)://host, without user, query and fragment`,
    );
  }
  return url.href.replace(/\/*$/, "/");
}

function isReplayable(body) {
  const kinds = [ArrayBuffer, Blob, FormData, URLSearchParams];
  if (body == null || typeof body !== "object" || ArrayBuffer.isView(body)) return true;
  return kinds.some((kind) => body instanceof kind);
}

async function requireStatus(response, status) {
  if (response.status !== status) {
    const text = `POST ${response.url} returned ${response.status}, not ${status}: ${await said(response)}`;
    throw new HTTPStatusError(text, response);
  }
}

const bodies = new WeakMap();

/** Return the text of the body, which a caller may still read from the response. */
function textOf(response) {
  if (!bodies.has(response)) bodies.set(response, response.clone().text());
  return bodies.get(response);
}

async function said(response) {
  return (await textOf(response)).slice(0, 200).replace(/\s+/g, " ").trim() || "the body is empty";
}

async function fieldsOf(response) {
  try {
    const fields = JSON.parse(await textOf(response));
    return fields !== null && typeof fields === "object" ? fields : {};
  } catch {
    return {};
  }
}

/** Return a field that can stand in a header (b64token, RFC 6750 2.1). */
function credentialIn(fields, name, response) {
  const text = fields[name];
  if (typeof text !== "string" || !/^[A-Za-z0-9._~+/-]+=*$/.test(text)) {
    // The message does not show the field, which may be a credential after all.
    throw new RemoteProtocolError(`POST ${response.url} returned 200 without a usable ${name}`);
  }
  return text;
}

/** Return the claims of a JWT without verifying it, or {} for any other text. */
function claimsOf(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return claims !== null && typeof claims === "object" ? claims : {};
  } catch {
    return {};
  }
}

/** Return what tells logins apart: the id of the login, or of the user in tokens without one. */
function loginOf(token) {
  const { sid, user_id: user, sub } = claimsOf(token);
  return String(sid ?? user ?? sub ?? "");
}

/** Return the seconds for which a new access token is valid, or Infinity if nothing says it. */
function lifetimeOf(token, expiresIn) {
  const { exp, iat } = claimsOf(token);
  return [expiresIn, exp - iat].find(Number.isFinite) ?? Infinity;
}

/** Return seconds of a clock that nobody sets. */
function now() {
  return performance.now() / 1000;
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
}
