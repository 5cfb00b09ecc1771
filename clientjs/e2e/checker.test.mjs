import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.mjs";

const published = [1, 2, 3, 4].map((n) => ({ n, epoch: "e", offset: n }));
const m = (n) => ({ message: { n } });

const rows = [
  { name: "all, in order", seen: [m(1), m(2), m(3), m(4)], want: [], gaps: 0 },
  { name: "from the middle", seen: [m(3), m(4)], want: [], gaps: 0 },
  { name: "a gap that is told", seen: [m(1), { gap: { from: { offset: 3 } } }, m(4)], want: [], gaps: 1 },
  { name: "a hole", seen: [m(1), m(3), m(4)], want: [/silent loss/] },
  { name: "twice", seen: [m(1), m(2), m(2), m(3), m(4)], want: [/duplicate/] },
  { name: "backwards", seen: [m(2), m(1), m(3), m(4)], want: [/order/] },
  { name: "the tail is lost", seen: [m(1), m(2), m(3)], want: [/convergence/] },
  { name: "nobody published it", seen: [m(1), m(2), m(3), m(4), m(9)], want: [/never acknowledged/] },
];

for (const row of rows) {
  test(`the checker judges: ${row.name}`, () => {
    const got = check(published, row.seen);
    assert.equal(got.violations.length, row.want.length, JSON.stringify(got.violations));
    row.want.forEach((want, i) => assert.match(got.violations[i], want));
    if (row.gaps !== undefined) assert.equal(got.gaps, row.gaps);
  });
}
