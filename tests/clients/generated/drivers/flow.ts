// Everything that a client of the service does, by both kinds, through one generated client. A
// driver hands `run` a function that returns its `Calls`. Each step prints one line of JSON.

import { deepStrictEqual, equal, ok } from "node:assert/strict";

export type Kind = "Token" | "Bearer";
export type Ordering = "-duration_ms" | "title";

export interface NewTrack {
  title: string;
  album: string;
  artist: string;
  genre: string;
  composer?: string;
  duration_ms: number;
}

export interface Track extends NewTrack {
  id: number;
  owner: string | null;
}

export interface Filters {
  title?: string;
  title__icontains?: string;
  duration_ms__gte?: number;
  created__gte?: Date;
  genre__in?: string[];
  ordering?: Ordering[];
  owner?: "me";
  page?: number;
  page_size?: number;
}

export interface Login {
  credential: string;
  refresh: string;
}

export interface Page {
  count: number;
  next: string | null;
  results: Track[];
}

export interface Answer<T> {
  status: number;
  body?: T | undefined;
  error?: unknown;
  headers: Headers;
}

// What the clients that give `data`, `error` and `response` return.
interface Fetched<T> {
  data?: T | undefined;
  error?: unknown;
  response?: Response | undefined;
}

export function answer<T, R = T>(fetched: Fetched<T>, read: (body: T) => R): Answer<R> {
  const { data, error, response } = fetched;
  if (!response) throw error;
  return { status: response.status, body: data && read(data), error, headers: response.headers };
}

export const same = <T>(body: T): T => body;
export const ofToken = (body: { token: string }): Login => ({ credential: body.token, refresh: "" });
export const ofPair = (body: { access: string; refresh: string }): Login => ({
  credential: body.access,
  refresh: body.refresh,
});

// What a driver can do at one address with one credential, or with none.
export interface Calls {
  logIn(username: string, password: string): Promise<Answer<Login>>;
  whoAmI(): Promise<Answer<{ username: string; scheme: string }>>;
  find(filters: Filters): Promise<Answer<Page>>;
  create(track: NewTrack): Promise<Answer<Track>>;
  read(id: number): Promise<Answer<Track>>;
  change(id: number, fields: Partial<NewTrack>): Promise<Answer<Track>>;
  remove(id: number): Promise<Answer<unknown>>;
  refresh(refresh: string): Promise<Answer<Login>>;
  logOut(): Promise<Answer<unknown>>;
}

export type MakeCalls = (base: string, kind: Kind, credential?: string) => Calls;

const variable = (name: string): string => {
  const text = process.env[name];
  if (text === undefined) throw new Error(`${name} is not set`);
  return text;
};
const SERVICE = variable("SERVICE");
const THROTTLED = variable("THROTTLED");
const AWAY = variable("AWAY");
const USERNAME = variable("USERNAME_OF_ADA");
const PASSWORD = variable("PASSWORD_OF_ADA");

const NEW = {
  title: "Overture",
  album: "2112",
  artist: "Rush",
  genre: "Rock",
  composer: "Lee, Lifeson, Peart",
  duration_ms: 272_000,
};

function body<T>(answer: Answer<T>, status: number): T {
  equal(answer.status, status, `${answer.status} ${JSON.stringify(answer.body ?? answer.error)}, expected ${status}`);
  ok(answer.body, "the body is missing");
  return answer.body;
}

function refused(answer: Answer<unknown>, status: number, field: string): void {
  equal(answer.status, status, `${answer.status} ${JSON.stringify(answer.body ?? answer.error)}, expected ${status}`);
  ok((answer.error as Record<string, unknown> | undefined)?.[field], `no ${field} in ${JSON.stringify(answer.error)}`);
}

function has(track: Track, fields: Partial<Track>): void {
  deepStrictEqual({ ...track, ...fields }, { ...track });
}

const titles = (page: Page): string[] => page.results.map((each) => each.title);
const retryAfter = (answer: Answer<unknown>): void => ok(Number(answer.headers.get("Retry-After")) > 0);

// One login of one kind, from its beginning to its end: the steps by their names, in order.
function flow(make: MakeCalls, kind: Kind): Record<string, () => Promise<void>> {
  const anonymous = make(SERVICE, kind);
  let login: Login = { credential: "", refresh: "" };
  let mine = anonymous;
  let track: Track = { ...NEW, id: 0, owner: null };

  return {
    async log_in() {
      login = body(await anonymous.logIn(USERNAME, PASSWORD), 200);
      mine = make(SERVICE, kind, login.credential);
      const who = body(await mine.whoAmI(), 200);
      deepStrictEqual([who.username, who.scheme], [USERNAME, kind === "Token" ? "token" : "jwt"]);
    },
    async wrong_password() {
      const answer = await anonymous.logIn(USERNAME, "wrong");
      if (kind === "Token") refused(answer, 400, "non_field_errors");
      else refused(answer, 401, "detail");
    },
    async filters() {
      const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
      const filters = { title__icontains: "SONG", duration_ms__gte: 300_000, created__gte: yesterday, page_size: 3 };
      const page = body(await mine.find(filters), 200);
      deepStrictEqual([page.count, titles(page)], [4, ["Song 3", "Song 4", "Song 5"]]);
    },
    async lists() {
      const page = body(
        await mine.find({ genre__in: ["Jazz", '"Folk, World"'], ordering: ["-duration_ms", "title"] }),
        200,
      );
      deepStrictEqual(titles(page), ["Fiddle 2", "Fiddle 1", "Tune 1", "Tune 2", "Tune 3", "Tune 4"]);
    },
    async pages() {
      const page = body(await mine.find({ page: 2, page_size: 5 }), 200);
      equal(page.count, 12);
      ok(page.next?.includes("page=3"), page.next ?? "no next page");
      equal(page.results[0]?.owner, null);
    },
    async create() {
      track = body(await mine.create(NEW), 201);
      has(track, { ...NEW, owner: USERNAME });
      equal(body(await mine.find({ owner: "me" }), 200).count, 1);
    },
    async invalid() {
      refused(await mine.create({ ...NEW, genre: "Skiffle" }), 400, "genre");
    },
    async patch() {
      const kept = { ...NEW, title: "Overture (live)" };
      has(body(await mine.change(track.id, { title: kept.title }), 200), kept);
      has(body(await mine.read(track.id), 200), kept);
    },
    async forbidden() {
      const catalogue = body(await mine.find({ title: "Song 1" }), 200).results[0];
      ok(catalogue);
      refused(await mine.remove(catalogue.id), 403, "detail");
    },
    async delete() {
      equal((await mine.remove(track.id)).status, 204);
    },
    async not_found() {
      refused(await mine.read(track.id), 404, "detail");
    },
    async unauthorized() {
      for (const calls of [anonymous, make(SERVICE, kind, "0".repeat(40))]) {
        const answer = await calls.find({});
        refused(answer, 401, "detail");
        ok(answer.headers.get("WWW-Authenticate")?.startsWith("Token"));
      }
    },
    async throttled() {
      const calls = make(THROTTLED, kind);
      let answer = await calls.logIn(USERNAME, "wrong");
      for (let sent = 1; sent < 20 && answer.status !== 429; sent++) answer = await calls.logIn(USERNAME, "wrong");
      refused(answer, 429, "detail");
      retryAfter(answer);
    },
    async unavailable() {
      const calls = make(AWAY, kind, login.credential);
      for (const answer of [await calls.find({}), await calls.logIn(USERNAME, PASSWORD)]) {
        refused(answer, 503, "detail");
        retryAfter(answer);
      }
    },
    async refresh() {
      const before = mine;
      login = body(await mine.refresh(login.refresh), 200);
      mine = make(SERVICE, kind, login.credential);
      equal(body(await mine.whoAmI(), 200).username, USERNAME);
      // A rotated token is replaced; an access token lasts until it expires.
      if (kind === "Token") refused(await before.whoAmI(), 401, "detail");
    },
    async log_out() {
      equal((await mine.logOut()).status, 204);
    },
    async after_logout() {
      refused(await mine.whoAmI(), 401, "detail");
    },
  };
}

export async function run(make: MakeCalls): Promise<void> {
  for (const kind of ["Token", "Bearer"] as const) {
    for (const [step, does] of Object.entries(flow(make, kind))) {
      let error = "";
      try {
        await does();
      } catch (problem) {
        error = problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem);
      }
      console.log(JSON.stringify({ kind, step, error }));
    }
  }
}
