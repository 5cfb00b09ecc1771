// Makes the signed connection id of a page: CONNECTION_ID_SECRET is the server's connection_ids.secret, the argument the key of the visitor's session.
import { createHash, createHmac, randomBytes } from "node:crypto";

const secret = process.env.CONNECTION_ID_SECRET;

function connectionId(sessionKey) {
  const page = randomBytes(16).toString("base64url");
  const signed = `${page}~${createHash("sha256").update(sessionKey).digest("base64url")}`;
  return { page, id: `${signed}~${createHmac("sha256", secret).update(signed).digest("base64url")}` };
}

console.log(connectionId(process.argv[2]).id);
