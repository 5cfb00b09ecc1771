// What the client does about a code beyond its `retry`: SPEC.md section 8. A test compares it with
// protocol/testdata/codes.json.

/** Close numbers of the WebSocket itself that say: come back. */
const COME_BACK = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015];

/** Reports whether a WebSocket's close number says: come back. Of the server's own, 4000 to 4499 do. */
export const comesBack = (n: number): boolean => (n >= 4000 && n < 4500) || COME_BACK.includes(n);

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
