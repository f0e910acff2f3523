/** Why a login has ended, or why there is no credential. */
export type Reason = "expired" | "ended" | "reused" | "logged out" | "refused" | "none";

/** The service refused the password or the token, or the login has ended. */
export class CredentialError extends Error {
  readonly name: "CredentialError";
  readonly reason: Reason;
  /** The service's answer, or null if there was no request to it. */
  readonly response: Response | null;
  constructor(message: string, reason: Reason, response?: Response | null);
}

/** A login, refresh, rotation or logout got another status, or a body cannot be sent twice. */
export class HTTPStatusError extends Error {
  readonly name: "HTTPStatusError";
  readonly response: Response;
  constructor(message: string, response: Response);
}

/** A login or refresh was redirected, or its 200 carried no credential. */
export class RemoteProtocolError extends Error {
  readonly name: "RemoteProtocolError";
}

/** The beginning or the end of a login, in this tab or in another one. */
export class LoginEvent extends Event {
  readonly type: "begin" | "end";
  /** Why the login has ended; null for `begin`. */
  readonly error: CredentialError | null;
  readonly reason: Reason | null;
  constructor(type: "begin" | "end", error?: CredentialError | null);
}

/** Where a client keeps an opaque token, or the newest refresh token. */
export interface Store {
  load(): string | null | Promise<string | null>;
  /** Replace the credential; null removes it. It must be saved when this returns or resolves. */
  save(credential: string | null): void | Promise<void>;
  /** A name of the place, if other tabs or workers read the same credential. */
  readonly shared?: string | null;
}

export class MemoryStore implements Store {
  readonly shared: null;
  constructor(credential?: string | null);
  load(): string | null;
  save(credential: string | null): void;
}

export class LocalStore implements Store {
  readonly shared: string;
  constructor(key?: string);
  load(): string | null;
  save(credential: string | null): void;
}

export interface Options {
  /** A MemoryStore by default. */
  store?: Store;
  /** What sends the requests; the global `fetch` by default. */
  fetch?: typeof fetch;
}

export interface BearerOptions extends Options {
  /** Keep the refresh token in a cookie that no script can read. Allowed without a `store` only. */
  cookie?: boolean;
}

/** The fields of a login: a user name, a password, and what else the service takes. */
export type LoginFields = Record<string, string | boolean | number>;

/** An EventTarget with two events. */
declare abstract class StoredAuth {
  logIn(fields: LoginFields): Promise<void>;
  /** Return whether there is a login. */
  resume(): Promise<boolean>;
  logOut(options?: { everywhere?: boolean }): Promise<void>;
  /** Do what `fetch` does, with the credential. A relative address is the service's. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Stop listening to other tabs. */
  close(): void;
  addEventListener(
    type: "begin" | "end",
    listener: ((event: LoginEvent) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener(
    type: "begin" | "end",
    listener: ((event: LoginEvent) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** JWT authentication, `Authorization: Bearer …`. */
export class BearerAuth extends StoredAuth {
  constructor(baseUrl: string | URL, options?: BearerOptions);
}

/** Authentication by an opaque token, `Authorization: Token …`. */
export class TokenAuth extends StoredAuth {
  constructor(baseUrl: string | URL, options?: Options);
  /** Replace the token. If the answer is lost, the token is lost too: log in again. */
  rotate(): Promise<void>;
}
