import assert from "node:assert/strict";
import { test } from "node:test";
import { createSSEParser } from "../src/transports/sse-parser.js";

function parse(chunks: string[]): string[] {
  const data: string[] = [];
  const push = createSSEParser((d) => data.push(d));
  for (const chunk of chunks) push(chunk);
  return data;
}

const cases = [
  { name: "one event", stream: "data: x\n\n", want: ["x"] },
  { name: "without a space", stream: "data:x\n\n", want: ["x"] },
  { name: "only the first space goes", stream: "data:  x \n\n", want: [" x "] },
  { name: "several lines", stream: "data: a\ndata: b\ndata:\n\n", want: ["a\nb\n"] },
  { name: "empty data is an event", stream: "data\n\ndata:\n\n", want: ["", ""] },
  { name: "an event without data is none", stream: "id: 3\nevent: x\n\n\n\n", want: [] },
  { name: "comments and other fields", stream: ": hi\nid: e:1:t\nretry: 5\nevent: m\ndata: x\n:\n\n", want: ["x"] },
  { name: "a field that begins like data", stream: "datax: 1\ndatabase\n\n", want: [] },
  { name: "CR LF", stream: "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", want: ["a\nb", "c"] },
  { name: "CR", stream: "data: a\rdata: b\r\rdata: c\r\r", want: ["a\nb", "c"] },
  { name: "mixed", stream: "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", want: ["a", "b", "c"] },
  { name: "a byte order mark (the decoder drops that at the start) is text", stream: "data: a\n\n\uFEFFdata: b\n\ndata: c\n\n", want: ["a", "c"] },
  { name: "unfinished at the end", stream: "data: a\n\ndata: b\n", want: ["a"] },
  { name: "colons in data", stream: 'data: {"a":"b:c"}\n\n', want: ['{"a":"b:c"}'] },
  { name: "line separators of JavaScript are text", stream: "data: a\u2028b\u2029c\u0085d\n\n", want: ["a\u2028b\u2029c\u0085d"] },
];
for (const { name, stream, want } of cases) {
  test(`SSE: ${name}`, () => assert.deepEqual(parse([stream]), want));
  test(`SSE, one character at a time: ${name}`, () => assert.deepEqual(parse([...stream]), want));
  test(`SSE, split at each place: ${name}`, () => {
    for (let i = 0; i <= stream.length; i++) assert.deepEqual(parse([stream.slice(0, i), stream.slice(i)]), want, `split at ${i}`);
  });
}
