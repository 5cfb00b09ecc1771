import type { TransportName } from "../transports/transport.js";
import type { FallbackReason } from "../types.js";
import type { Memory } from "./remembered.js";
/**
 * What speaks against a transport, as a weight. Three connections in a row that did not last, two that went mute, or
 * one hole that stays are too much.
 */
export declare const SHORT_LIFE = 2;
export declare const MUTE = 3;
export declare const HOLE = 6;
/** What speaks for and against each transport on this network. */
export interface Reputation {
    /** Returns the transport that worked last here, if that is known. */
    recall(): TransportName | undefined;
    /** Returns what was wrong with a transport when it was last tried, undefined if nothing was. */
    fault(name: TransportName): FallbackReason | undefined;
    /** A try failed. */
    failed(name: TransportName, fault: FallbackReason): void;
    /** A connection over it stands. */
    works(name: TransportName): void;
    /** A connection over it was a good one. */
    good(name: TransportName): void;
    /** Something speaks against it. Reports whether that is too much: then `next` is preferred. */
    trouble(name: TransportName, weight: number, next: TransportName): boolean;
    /** Other transports are wanted: what was wrong with those of before says nothing. */
    clear(): void;
}
/** Makes the reputation of a bus's transports. */
export declare function createReputation(memory: Memory): Reputation;
