// Run the flow with the client that openapi-generator's typescript-fetch makes.

import {
  type ApiResponse,
  Configuration,
  JwtApi,
  ResponseError,
  ServiceApi,
  type Track as TheirTrack,
  TokenApi,
  TracksApi,
} from "./client/index.js";
import {
  type Answer,
  type Calls,
  type Kind,
  type NewTrack,
  ofPair,
  ofToken,
  run,
  same,
  type Track,
} from "./flow.js";

async function answer<T, R>(asked: Promise<ApiResponse<T>>, read: (body: T) => R): Promise<Answer<R>> {
  try {
    const { raw, value } = await asked.then((each) => ({ raw: each.raw, value: () => each.value() }));
    return { status: raw.status, body: read(await value()), headers: raw.headers };
  } catch (problem) {
    if (!(problem instanceof ResponseError)) throw problem;
    const { response } = problem;
    return { status: response.status, error: await response.json(), headers: response.headers };
  }
}

const ours = ({ durationMs, ...track }: TheirTrack): Track => ({ ...track, duration_ms: durationMs });
const theirs = ({ duration_ms, ...track }: NewTrack) => ({ ...track, durationMs: duration_ms });

function calls(base: string, kind: Kind, credential?: string): Calls {
  const configuration = new Configuration({
    basePath: base,
    ...(credential && kind === "Token" ? { apiKey: `Token ${credential}` } : {}),
    ...(credential && kind === "Bearer" ? { accessToken: credential } : {}),
  });
  const service = new ServiceApi(configuration);
  const token = new TokenApi(configuration);
  const jwt = new JwtApi(configuration);
  const tracks = new TracksApi(configuration);

  return {
    logIn: (username, password) =>
      kind === "Token"
        ? answer(token.tokenObtainRaw({ authTokenRequest: { username, password } }), ofToken)
        : answer(jwt.jwtObtainRaw({ obtainPairRequest: { username, password } }), ofPair),
    whoAmI: () => answer(service.whoamiRetrieveRaw(), same),
    find: (filters) =>
      answer(
        tracks.tracksListRaw({
          title: filters.title,
          titleIcontains: filters.title__icontains,
          durationMsGte: filters.duration_ms__gte,
          createdGte: filters.created__gte,
          genreIn: filters.genre__in,
          ordering: filters.ordering,
          owner: filters.owner,
          page: filters.page,
          pageSize: filters.page_size,
        }),
        (page) => ({ ...page, results: page.results.map(ours) }),
      ),
    create: (track) => answer(tracks.tracksCreateRaw({ trackRequest: theirs(track) }), ours),
    read: (id) => answer(tracks.tracksRetrieveRaw({ id }), ours),
    change: (id, { duration_ms, ...fields }) =>
      answer(
        tracks.tracksPartialUpdateRaw({ id, patchedTrackRequest: { ...fields, durationMs: duration_ms } }),
        ours,
      ),
    remove: (id) => answer(tracks.tracksDestroyRaw({ id }), same),
    refresh: (refresh) =>
      kind === "Token"
        ? answer(token.tokenRotateRaw(), ofToken)
        : answer(jwt.jwtRefreshRaw({ refreshRequest: { refresh } }), ofPair),
    logOut: () => (kind === "Token" ? answer(token.tokenRevokeRaw({}), same) : answer(jwt.jwtLogoutRaw({}), same)),
  };
}

await run(calls);
