// What the client does about a code beyond its `retry`: SPEC.md section 8. A test compares it with protocol/testdata/codes.json.

/** Close numbers of a WebSocket that say: come back. */
export const comesBack = (n: number): boolean => /^(4[0-4]..|100[0156]|101[1-5])$/.test(`${n}`);

/** What the server says to a link, or to a body of it, when another link took the session over. */
export const TAKEN_OVER = ["superseded", "wrong_transport"];
/** HTTP errors that mean: not on this transport. */
export const NOT_HERE = ["unsupported", "not_found", "method_not_allowed"];
/** The session is of no more use. */
export const SESSION_LOST = ["session_gone", "sequence_gap"];
/** The server takes this token no longer: it has got too old. */
export const TOKEN_OVER = "token_expired";
/** The server does not take this token. */
export const TOKEN_BAD = "unauthorized";
/** What repeating the same body cannot cure, although a reconnect can. */
export const RECONNECT = [...SESSION_LOST, TOKEN_OVER];
