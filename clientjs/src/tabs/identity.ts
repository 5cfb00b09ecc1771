/** Claims that differ between two tokens of one user. */
const PASSING = ["exp", "iat", "nbf", "jti"];

/**
 * Who a token speaks for, as far as two tabs must agree before they share: everything that a JWT claims but its times
 * and its own id; of any other token every byte. It is compared and never believed: what the leader may do the server
 * decides by the leader's own token.
 */
export function identity(token: string | null | undefined): string {
  if (token == null) return "";
  try {
    const [, payload = ""] = token.split(".");
    // UTF-8 byte by byte: it is only compared.
    const claims = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) as object;
    // Whatever the order of the claims was.
    return JSON.stringify(Object.entries(claims).filter(([name]) => !PASSING.includes(name)).sort());
  } catch {
    return `token:${token}`; // not a JWT
  }
}
