/** Claims that differ between two tokens of one user. */
const PASSING = ["exp", "iat", "nbf", "jti"];

/**
 * Who a token speaks for, as far as two tabs must agree before they share: everything that a JWT claims but its times and its own id; of any
 * other token every byte. It is compared and never believed: what the leader may do the server decides by the leader's own token.
 */
export function identity(token: string | undefined): string {
  if (token === undefined) return "";
  const parts = token.split(".");
  if (parts.length === 3) {
    try {
      const bytes = Uint8Array.from(atob((parts[1] as string).replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
      const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      if (claims && typeof claims === "object" && !Array.isArray(claims)) return `jwt:${sorted(claims)}`;
    } catch {
      // Not a JWT.
    }
  }
  return `token:${token}`;
}

/** The claims as JSON, whatever their order was. */
const sorted = (claims: object): string =>
  JSON.stringify(
    Object.entries(claims)
      .filter(([name]) => !PASSING.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
