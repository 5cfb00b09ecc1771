/**
 * Who a token speaks for, as far as two tabs must agree before they share: everything that a JWT claims but its times
 * and its own id; of any other token every byte. It is compared and never believed: what the leader may do the server
 * decides by the leader's own token.
 */
export declare function identity(token: string | null | undefined): string;
