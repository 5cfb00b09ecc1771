/**
 * Reads the data of the events of an event stream (WHATWG HTML, section 9.2.6) from decoded chunks that may be split
 * anywhere. Comments, ids, event names and an unfinished event at the end are passed over.
 */
export declare function createSSEParser(onData: (data: string) => void): (chunk: string) => void;
