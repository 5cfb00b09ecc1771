/** Missing values and null come first, then numbers and booleans, then all else. */
const rank = (value: unknown): number => (value == null ? 0 : typeof value === "number" || typeof value === "boolean" ? 1 : 2);

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** As the bytes of UTF-8 are ordered: by code points. */
function byBytes(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

const compare = (a: unknown, b: unknown): number => rank(a) - rank(b) || (rank(a) === 2 ? byBytes(text(a), text(b)) : Number(a) - Number(b));

/** The value at a path such as `driver.name`: a member of a member, and nothing else. */
const at = (document: unknown, path: string[]): unknown =>
  path.reduce((value: any, name) => (value && typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, name) ? value[name] : undefined), document);

/** Returns how the server orders documents by `sort`, and then by id: docs/documents.md. */
export function orderBy(sort: readonly string[]): (a: { _id: string }, b: { _id: string }) => number {
  const keys = sort.map((field) => ({ path: field.replace(/^-/, "").split("."), sign: field[0] === "-" ? -1 : 1 }));
  return (a, b) => {
    for (const { path, sign } of keys) {
      const difference = compare(at(a, path), at(b, path));
      if (difference) return difference * sign;
    }
    return byBytes(a._id, b._id);
  };
}
