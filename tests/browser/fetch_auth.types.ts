// Uses of clients/fetch_auth.js that `tsc --strict` must accept, and three that it must refuse.

import {
  BearerAuth,
  CredentialError,
  LocalStore,
  MemoryStore,
  TokenAuth,
  type LoginEvent,
  type Store,
} from "./fetch_auth.js";

const store: Store = { shared: "indexedDB", load: async () => null, save: async () => {} };
const auth = new BearerAuth("/", { cookie: true });
const other: BearerAuth = new BearerAuth(new URL("https://api.example.org"), { store, fetch });
const token = new TokenAuth("/", { store: new LocalStore("token") });

export function watch(show: (reason: string | null) => void): void {
  auth.addEventListener("end", (event: LoginEvent) => show(event.reason));
}

export async function run(): Promise<number> {
  await auth.logIn({ username: "ada", password: "secret", label: "laptop" });
  if (!(await auth.resume())) await other.logOut({ everywhere: true });
  await token.rotate();
  try {
    const response = await auth.fetch("/tracks/", { method: "POST", body: "{}" });
    return response.status;
  } catch (error) {
    if (error instanceof CredentialError && error.reason === "expired") return error.response?.status ?? 0;
    throw error;
  }
}

// @ts-expect-error a misspelt option
new BearerAuth("/", { stor: new MemoryStore() });
// @ts-expect-error an opaque token has no cookie
new TokenAuth("/", { cookie: true });
// @ts-expect-error there is no such event
auth.addEventListener("ended", () => {});
