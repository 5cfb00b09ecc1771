/** Returns how the server orders documents by `sort`, and then by id: docs/documents.md. */
export declare function orderBy(sort: readonly string[]): (a: {
    _id: string;
}, b: {
    _id: string;
}) => number;
