// The playground at `/`. It knows the API only by its endpoints, and keeps everything in memory.

const MOST_EXCHANGES = 8; // of a column; older ones are forgotten
const QUICK = 500; // milliseconds between two looks at a watched credential, for the first while
const SLOW = 2000;
const FIRST_WHILE = 10_000;

const secrets = new Set(); // every credential that the page has seen, for the mask
const shown = new WeakMap(); // element: the function that returns its text, masked or not
const form = document.querySelector("#login");
const mask = document.querySelector("#mask");

// The query names the version of the page, so that no cache mixes two versions.
const { search } = new URL(import.meta.url);
const { answerText, clock, complaint, detail, isGood, requestText, secondsOf, send } = await import(`./wire.js${search}`);

// --- the mask ------------------------------------------------------------------------------------

/** Return the text with every credential cut short while the mask is on. */
function masked(text) {
  if (!mask.checked) return text;
  for (const secret of secrets) text = text.replaceAll(secret, short(secret));
  return text;
}

function short(secret) {
  return `${secret.slice(0, 3)}…${secret.slice(-3)}`;
}

// --- small parts of the page ---------------------------------------------------------------------

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Return an element whose text follows the mask: `text()` is asked again when it goes on or off. */
function secretText(name, className, text) {
  const made = element(name, className, text());
  made.dataset.secret = "";
  shown.set(made, text);
  return made;
}

/** Return the bars of one Server-Timing header, each in proportion to the longest. */
function cost({ timing, took }) {
  const box = element("div", "cost");
  const parts = (timing ?? "").split(",").map((part) => /^\s*([\w-]+);dur=([\d.]+)/.exec(part)).filter(Boolean);
  const longest = Math.max(...parts.map(([, , ms]) => Number(ms)), 0.001);
  for (const [, name, ms] of parts) {
    const track = element("span");
    const bar = element("div", `bar ${name}`);
    bar.style.width = `${(100 * Number(ms)) / longest}%`;
    track.append(bar);
    box.append(element("span", "", name), track, element("span", "took", `${Number(ms).toFixed(2)} ms`));
  }
  const whole = element("p", "hint", `${took.toFixed(0)} ms from the first byte sent to the last byte read, in this browser.`);
  if (parts.length) return [element("p", "hint", "What it cost the service (Server-Timing; auth is the time of the enabled schemes’ classes):"), box, whole];
  whole.append(" The service sends no Server-Timing: start it with SERVER_TIMING=on to see what it spent.");
  return [whole];
}

// --- a column for each enabled scheme --------------------------------------------------------------

class Column {
  constructor(root) {
    this.root = root;
    this.paths = root.dataset;
    this.name = root.dataset.scheme;
    this.keyword = root.dataset.keyword;
    this.forget();
    root.addEventListener("click", (event) => {
      const { action, id } = event.target.dataset;
      if (action) this.run(action, id);
    });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  forget() {
    this.credential = this.refreshToken = this.expires = this.refreshExpires = undefined;
    this.isByCookie = this.isRefused = false;
    this.find(".logins").replaceChildren();
    this.paint();
  }

  get authorization() {
    return this.credential && `${this.keyword} ${this.credential}`;
  }

  /** Return whether a login is to keep its refresh token in a cookie. */
  get wantsCookie() {
    return Boolean(this.paths.cookie && form.elements.cookie?.checked);
  }

  /** Return whether the refresh token is in a cookie, perhaps since before a reload. */
  get hasCookie() {
    return !this.refreshToken && (this.isByCookie || (!this.credential && this.wantsCookie));
  }

  /** Do one thing at a time: the answer to one request decides what the next one sends. */
  async run(action, id) {
    if (this.isBusy) return;
    this.isBusy = true;
    this.root.setAttribute("aria-busy", "true");
    try {
      await this[action](id);
    } finally {
      this.isBusy = false;
      this.root.removeAttribute("aria-busy");
    }
  }

  async exchange(method, path, options) {
    const exchange = await send(method, path, options);
    this.keepSecrets(exchange);
    this.show(exchange);
    this.waitUntil = exchange.retryAfter ? performance.now() + exchange.retryAfter * 1000 : undefined;
    if (exchange.status === 401 && options?.authorization) this.isRefused = true;
    if (!isGood(exchange)) this.say(complaint(exchange), "bad");
    this.paint();
    return exchange;
  }

  keepSecrets({ json }) {
    for (const name of ["token", "access", "refresh"]) {
      if (typeof json?.[name] === "string") secrets.add(json[name]);
    }
  }

  /** Put the exchange on top of the column's list, and close the one before. */
  show(exchange) {
    this.find(".nothing").hidden = true;
    const list = this.find(".exchanges");
    const box = element("details");
    box.open = true;
    const outcome = exchange.failure ? "no answer" : exchange.status;
    const head = element("summary", isGood(exchange) ? "good" : "bad", `${exchange.method} ${exchange.path} → ${outcome}`);
    const request = secretText("pre", "request", () => masked(requestText(exchange)));
    const answer = secretText("pre", "answer", () => masked(answerText(exchange)));
    request.tabIndex = answer.tabIndex = 0; // a keyboard can scroll it
    request.setAttribute("aria-label", "Request");
    answer.setAttribute("aria-label", "Answer");
    request.setAttribute("role", "region");
    answer.setAttribute("role", "region");
    box.append(head, request, answer, ...cost(exchange));
    for (const older of list.children) older.open = false;
    list.prepend(box);
    while (list.children.length > MOST_EXCHANGES) list.lastChild.remove();
  }

  say(text, className = "") {
    const status = this.find(".status");
    status.className = `status ${className}`;
    status.textContent = text;
  }

  take({ json, sent }, isByCookie) {
    this.credential = json.access ?? json.token;
    this.refreshToken = json.refresh;
    this.isByCookie = isByCookie;
    this.isRefused = false;
    const seconds = secondsOf(this.credential, json.expires_in);
    const refreshSeconds = secondsOf(json.refresh ?? "", json.refresh_expires_in);
    this.expires = seconds === undefined ? undefined : sent + seconds * 1000;
    this.refreshExpires = refreshSeconds === undefined ? undefined : sent + refreshSeconds * 1000;
    this.paint();
  }

  paint() {
    const header = this.find(".credential");
    header.textContent = masked(`Authorization: ${this.authorization ?? `${this.keyword} …`}`);
    const refresh = this.find(".refresh-token");
    if (refresh) {
      const inCookie = "in an HttpOnly cookie, which no script can read";
      refresh.textContent = this.isByCookie ? inCookie : masked(this.refreshToken ?? "none");
    }
    this.tick();
  }

  tick() {
    this.find(".expires").textContent = this.isRefused ? "refused by the service"
      : left(this.credential, this.expires);
    const refresh = this.find(".refresh-expires");
    if (refresh) refresh.textContent = left(this.refreshToken ?? this.isByCookie, this.refreshExpires);
    const wait = this.find(".wait");
    const seconds = this.waitUntil ? Math.ceil((this.waitUntil - performance.now()) / 1000) : 0;
    wait.hidden = seconds <= 0;
    wait.textContent = `Try again in ${seconds} s`;
  }

  /** Return what to watch when the credentials of this column end. */
  watchables() {
    const found = [];
    if (this.credential) {
      const { authorization } = this;
      const look = () => send("GET", this.paths.whoami, { authorization });
      found.push({ scheme: this.name, what: this.refreshToken || this.isByCookie ? "access token" : "token", secret: this.credential, look });
    }
    if (this.refreshToken && this.paths.verify) {
      const body = { token: this.refreshToken };
      const look = () => send("POST", this.paths.verify, { body });
      found.push({ scheme: this.name, what: "refresh token", secret: this.refreshToken, look });
    }
    return found;
  }

  // --- what the buttons do -----------------------------------------------------------------------

  async login() {
    if (!form.reportValidity()) return;
    const { username, password } = form.elements;
    const isByCookie = this.wantsCookie;
    const body = { username: username.value, password: password.value };
    if (this.paths.list) body.label = "playground";
    if (isByCookie) body.cookie = true;
    const exchange = await this.exchange("POST", this.paths.login, { body, byCookie: isByCookie });
    if (!isGood(exchange)) return;
    this.find(".logins").replaceChildren();
    this.take(exchange, isByCookie);
    this.say("Logged in.", "good");
  }

  async whoami() {
    const exchange = await this.exchange("GET", this.paths.whoami, { authorization: this.authorization });
    if (isGood(exchange)) this.say(`You are user ${exchange.json.username || exchange.json.id}.`, "good");
  }

  async tracks() {
    const exchange = await this.exchange("GET", this.paths.tracks, { authorization: this.authorization });
    if (isGood(exchange)) this.say(`${exchange.json.count} tracks.`, "good");
  }

  async refresh() {
    const isByCookie = this.hasCookie;
    if (!this.refreshToken && !isByCookie) return this.say("Log in first: there is no refresh token.", "bad");
    const body = isByCookie ? {} : { refresh: this.refreshToken };
    const exchange = await this.exchange("POST", this.paths.refresh, { body, byCookie: isByCookie });
    if (!isGood(exchange)) return;
    this.take(exchange, isByCookie);
    this.say("Refreshed: the old refresh token is spent.", "good");
  }

  async rotate() {
    if (!this.credential) return this.say("Log in first: there is no token.", "bad");
    const old = this.watchables();
    const exchange = await this.exchange("POST", this.paths.rotate, { authorization: this.authorization, body: {} });
    if (!isGood(exchange)) return;
    this.take(exchange, false);
    this.say("Rotated: the old token is refused from now on.", "good");
    watch(old, "the rotation", exchange.sent);
  }

  logout() {
    return this.end(false);
  }

  everywhere() {
    return this.end(true);
  }

  async end(everywhere) {
    const isByCookie = this.hasCookie;
    if (!this.credential && !isByCookie) return this.say("Log in first: there is nothing to end.", "bad");
    const body = everywhere ? { everywhere } : {};
    if (this.refreshToken) body.refresh = this.refreshToken;
    const authorization = this.refreshToken || isByCookie ? undefined : this.authorization;
    const old = everywhere ? columns.flatMap((each) => each.watchables()) : this.watchables();
    const exchange = await this.exchange("POST", this.paths.logout, { authorization, body, byCookie: isByCookie });
    if (!isGood(exchange)) return;
    this.forget();
    this.say(everywhere ? "Logged out everywhere. The watch below shows when each credential is refused." : "Logged out.", "good");
    watch(old, everywhere ? "the logout everywhere" : "the logout", exchange.sent);
  }

  async list() {
    if (!this.credential) return this.say("Log in first: there is nothing to list.", "bad");
    const exchange = await this.exchange("GET", this.paths.list, { authorization: this.authorization });
    if (!isGood(exchange)) return;
    this.logins = exchange.json;
    this.say(this.logins.length === 1 ? "1 login." : `${this.logins.length} logins.`, "good");
    this.find(".logins").replaceChildren(...this.logins.map((login) => this.line(login)));
  }

  isCurrent(login) {
    return login.current ?? this.credential?.endsWith(login.last_four);
  }

  line(login) {
    const line = element("li");
    const since = `${login.label || "without a label"}, since ${new Date(login.created).toLocaleString()}`;
    const until = login.expires ? `, expires ${new Date(login.expires).toLocaleString()}` : "";
    const text = element("span", "", `${since}${until}${this.isCurrent(login) ? " (this one)" : ""}`);
    const button = element("button", "", "End");
    button.type = "button";
    button.dataset.action = "endOne";
    button.dataset.id = login.id;
    button.setAttribute("aria-label", `End the login ${since}`);
    line.append(text, button);
    return line;
  }

  async endOne(id) {
    const isCurrent = this.isCurrent(this.logins.find((login) => String(login.id) === id));
    const old = isCurrent ? this.watchables() : [];
    const path = `${this.paths.list}${encodeURIComponent(id)}/`;
    const exchange = await this.exchange("DELETE", path, { authorization: this.authorization });
    this.find("[data-action=list]").focus(); // the button that had the focus goes
    if (!isGood(exchange)) return;
    if (isCurrent) this.forget();
    else this.find(`[data-id="${CSS.escape(id)}"]`)?.parentElement.remove();
    this.say(isCurrent ? "This login has ended." : "That login has ended.", "good");
    watch(old, "its end", exchange.sent);
  }
}

/** Return how long a credential has left, in words. */
function left(credential, expires) {
  if (!credential) return "not logged in";
  if (expires === undefined) return "the answer does not say";
  const seconds = (expires - performance.now()) / 1000;
  return seconds > 0 ? `in ${clock(seconds)}` : "expired (JWT_LEEWAY may still admit it)";
}

// --- watch a credential die --------------------------------------------------------------------------

const watched = new Map(); // by credential

function sayWatch(text) {
  document.querySelector("#watch-status").textContent = text;
}

/** Look at each credential until it is refused. `since` is when the request that ends it was sent. */
function watch(credentials, reason, since) {
  for (const one of credentials) {
    watched.get(one.secret)?.stop();
    const line = element("li");
    const name = element("span", "", `${one.scheme}, ${one.what} `);
    name.append(secretText("code", "", () => (mask.checked ? short : abridged)(one.secret)));
    const [verdict, times] = [element("span", "verdict", "waiting"), element("span", "times")];
    line.append(name, verdict, times);
    document.querySelector(".watched").prepend(line);
    const entry = { ...one, reason, since, verdict, times, looks: 0, isWatched: true, stop() { this.isWatched = false; } };
    watched.set(one.secret, entry);
    follow(entry);
  }
}

/** Return the text, which may be a JWT of 400 characters, without its middle. */
function abridged(text) {
  return text.length > 44 ? `${text.slice(0, 20)}…${text.slice(-20)}` : text;
}

async function follow(entry) {
  const at = (moment) => `${((moment - entry.since) / 1000).toFixed(2)} s`;
  while (entry.isWatched) {
    const exchange = await entry.look();
    entry.looks += 1;
    const moment = exchange.sent + exchange.took;
    if (exchange.status === 401) {
      entry.stop();
      entry.verdict.className = "verdict bad";
      entry.verdict.textContent = "refused";
      const before = entry.accepted === undefined ? "not accepted once after it" : `last accepted after ${at(entry.accepted)}`;
      const when = new Date().toLocaleTimeString();
      entry.times.textContent = `first refused ${at(moment)} after ${entry.reason}, at ${when}, ${before}. The service says: ${detail(exchange)}`;
      sayWatch(`${entry.scheme}: the ${entry.what} is refused, ${at(moment)} after ${entry.reason}.`);
      return;
    }
    if (isGood(exchange) || exchange.status === 403) {
      entry.accepted = moment;
      entry.verdict.className = "verdict good";
      entry.verdict.textContent = "accepted";
      entry.times.textContent = `still accepted ${at(moment)} after ${entry.reason}; requests so far: ${entry.looks}`;
    } else {
      entry.verdict.className = "verdict";
      entry.verdict.textContent = "no verdict";
      entry.times.textContent = complaint(exchange);
    }
    const pause = moment - entry.since < FIRST_WHILE ? QUICK : SLOW;
    await new Promise((wake) => setTimeout(wake, Math.max(pause, exchange.retryAfter * 1000 || 0)));
  }
}

document.querySelector("#watch-start").addEventListener("click", () => {
  const held = columns.flatMap((column) => column.watchables());
  sayWatch(held.length ? "Watching. Change the user now." : "Log in first: there is nothing to watch.");
  watch(held, "you pressed Watch now", performance.now());
});

document.querySelector("#watch-stop").addEventListener("click", () => {
  for (const entry of watched.values()) entry.stop();
  sayWatch("Not watching.");
});

// --- start -------------------------------------------------------------------------------------------

const columns = [...document.querySelectorAll(".column")].map((root) => new Column(root));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  for (const column of columns) column.run("login");
});

mask.addEventListener("change", () => {
  for (const made of document.querySelectorAll("[data-secret]")) made.textContent = shown.get(made)();
  for (const column of columns) column.paint();
});

setInterval(() => columns.forEach((column) => column.tick()), 250);

// Only `make run` creates this user, and it listens on this machine only.
if (["127.0.0.1", "localhost", "[::1]"].includes(location.hostname)) {
  form.elements.username.value = "demo";
  form.elements.password.value = "demo-password";
  document.querySelector("#demo").hidden = false;
}
document.documentElement.dataset.ready = "yes";
