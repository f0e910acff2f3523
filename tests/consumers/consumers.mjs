// Answers questions about tokens: one JSON object per line, one JSON string per answer. The answer
// is "" if the library accepts the token, or the reason why it does not.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import jwksRsa from "jwks-rsa";

const sets = new Map();

// A question with `shared` is answered with the set of keys that an earlier one has fetched.
function keysOf({ keys, shared, cacheMaxAge, cooldownDuration }) {
  if (!shared) return createRemoteJWKSet(new URL(keys));
  if (!sets.has(shared)) {
    sets.set(shared, createRemoteJWKSet(new URL(keys), { cacheMaxAge, cooldownDuration }));
  }
  return sets.get(shared);
}

const libraries = {
  async jose(question) {
    const { token, algorithm, audience, issuer, type, leeway } = question;
    await jwtVerify(token, keysOf(question), {
      algorithms: [algorithm],
      issuer,
      clockTolerance: leeway,
      ...(audience && { audience }),
      ...(type && { typ: type }),
    });
  },

  async "jsonwebtoken, jwks-rsa"({ keys, token, algorithm, audience, issuer, type, leeway }) {
    const { header } = jsonwebtoken.decode(token, { complete: true });
    const key = await jwksRsa({ jwksUri: keys }).getSigningKey(header.kid);
    jsonwebtoken.verify(token, key.getPublicKey(), {
      algorithms: [algorithm],
      issuer,
      clockTolerance: leeway,
      ...(audience && { audience }),
    });
    if (type && header.typ !== type) throw new Error(`typ is ${header.typ}`);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let reason = "";
  try {
    await libraries[question.name](question);
  } catch (error) {
    reason = `${error.code ?? error.name}: ${error.message}`;
  }
  process.stdout.write(`${JSON.stringify(reason)}\n`);
}
