// Signs a token for a user, good for an hour: TOKEN_SECRET is the server's tokens.secret.
import { createHmac } from "node:crypto";

const secret = process.env.TOKEN_SECRET;
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(user, roles = []) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://app.example.com", aud: "tidings", sub: user, iat: now, exp: now + 3600, roles };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

console.log(token(process.argv[2], process.argv.slice(3)));
