// Run the flow with openapi-fetch and the types that openapi-typescript makes.

import createClient from "openapi-fetch";
import type { paths } from "./client/schema.js";
import { answer, type Calls, type Kind, ofPair, ofToken, run, same } from "./flow.js";

function calls(base: string, kind: Kind, credential?: string): Calls {
  const headers = credential ? { Authorization: `${kind} ${credential}` } : {};
  const client = createClient<paths>({ baseUrl: base, headers });

  return {
    async logIn(username, password) {
      const body = { username, password };
      return kind === "Token"
        ? answer(await client.POST("/api-token-auth/", { body }), ofToken)
        : answer(await client.POST("/api/token/", { body }), ofPair);
    },
    whoAmI: async () => answer(await client.GET("/whoami/"), same),
    async find({ created__gte, ...filters }) {
      const query = created__gte ? { ...filters, created__gte: created__gte.toISOString() } : filters;
      return answer(await client.GET("/tracks/", { params: { query } }), same);
    },
    create: async (body) => answer(await client.POST("/tracks/", { body }), same),
    read: async (id) => answer(await client.GET("/tracks/{id}/", { params: { path: { id } } }), same),
    change: async (id, body) => answer(await client.PATCH("/tracks/{id}/", { params: { path: { id } }, body }), same),
    remove: async (id) => answer(await client.DELETE("/tracks/{id}/", { params: { path: { id } } }), same),
    async refresh(refresh) {
      return kind === "Token"
        ? answer(await client.POST("/api-token-auth/new/"), ofToken)
        : answer(await client.POST("/api/token/refresh/", { body: { refresh } }), ofPair);
    },
    async logOut() {
      return kind === "Token"
        ? answer(await client.POST("/api-token-auth/revoke/"), same)
        : answer(await client.POST("/api/token/logout/"), same);
    },
  };
}

await run(calls);
