// Run the flow with the client that @hey-api/openapi-ts makes.

import { createClient } from "./client/client/index.js";
import * as api from "./client/index.js";
import { answer, type Calls, type Kind, ofPair, ofToken, run, same } from "./flow.js";

function calls(base: string, kind: Kind, credential?: string): Calls {
  const client = createClient({
    baseUrl: base,
    auth: (scheme) => {
      if (!credential) return undefined;
      if (scheme.scheme === "bearer") return kind === "Bearer" ? credential : undefined;
      return kind === "Token" ? `Token ${credential}` : undefined;
    },
  });

  return {
    async logIn(username, password) {
      const body = { username, password };
      return kind === "Token"
        ? answer(await api.tokenObtain({ client, body }), ofToken)
        : answer(await api.jwtObtain({ client, body }), ofPair);
    },
    whoAmI: async () => answer(await api.whoamiRetrieve({ client }), same),
    async find({ created__gte, ...filters }) {
      const query = created__gte ? { ...filters, created__gte: created__gte.toISOString() } : filters;
      return answer(await api.tracksList({ client, query }), same);
    },
    create: async (body) => answer(await api.tracksCreate({ client, body }), same),
    read: async (id) => answer(await api.tracksRetrieve({ client, path: { id } }), same),
    change: async (id, body) => answer(await api.tracksPartialUpdate({ client, path: { id }, body }), same),
    remove: async (id) => answer(await api.tracksDestroy({ client, path: { id } }), same),
    async refresh(refresh) {
      return kind === "Token"
        ? answer(await api.tokenRotate({ client }), ofToken)
        : answer(await api.jwtRefresh({ client, body: { refresh } }), ofPair);
    },
    async logOut() {
      return kind === "Token"
        ? answer(await api.tokenRevoke({ client }), same)
        : answer(await api.jwtLogout({ client }), same);
    },
  };
}

await run(calls);
