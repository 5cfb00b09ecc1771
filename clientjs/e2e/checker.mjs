// One checker for all clients: compares what publishers were acknowledged with what a client's callbacks saw.

/**
 * @param published - the publisher's log, by offset: {n, epoch, offset}
 * @param seen - the client's log in the order of its callbacks: {message: {n}} or {gap: {last, from}}
 * @returns {{violations: string[], gaps: number, messages: number}}
 */
export function check(published, seen) {
  const violations = [];
  const offsetOf = new Map(published.map((p) => [p.n, p.offset]));
  const heard = new Set();
  let last = 0;
  let gaps = 0;
  for (const e of seen) {
    if (e.gap) {
      gaps++;
      last = e.gap.from.offset;
      continue;
    }
    const { n } = e.message;
    const offset = offsetOf.get(n);
    if (offset === undefined) violations.push(`message ${n} was never acknowledged`);
    else if (heard.has(n)) violations.push(`duplicate: message ${n}`);
    else if (offset <= last) violations.push(`order: message ${n} at offset ${offset} after offset ${last}`);
    else if (last !== 0 && offset !== last + 1) violations.push(`silent loss: offset ${offset} after ${last} without a gap`);
    heard.add(n);
    last = Math.max(last, offset ?? 0);
  }
  const top = published.at(-1)?.offset ?? 0;
  if (last !== top) violations.push(`convergence: the last offset heard is ${last}, the channel's top is ${top}`);
  return { violations, gaps, messages: heard.size };
}
