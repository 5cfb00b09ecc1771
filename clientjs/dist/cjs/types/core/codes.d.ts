/** Reports whether a WebSocket's close number says: come back. Of the server's own, 4000 to 4499 do. */
export declare const comesBack: (n: number) => boolean;
/** What the server says to a link, or to a body of it, when another link took the session over. */
export declare const TAKEN_OVER: string[];
/** HTTP errors that mean: not on this transport. */
export declare const NOT_HERE: string[];
/** The session is of no more use. */
export declare const SESSION_LOST: string[];
/** The server takes this token no longer: it has got too old. */
export declare const TOKEN_OVER = "token_expired";
/** The server does not take this token. */
export declare const TOKEN_BAD = "unauthorized";
/** What repeating the same body cannot cure, although a reconnect can. */
export declare const RECONNECT: string[];
