// The base of the server's endpoints, as it is given by programs and resolved by pages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMessageBus } from "../src/index.js";
import { baseOf } from "../src/link/base.js";

/** Plays a page for as long as `run` takes. */
function onPage(page: { document?: { baseURI: string }; location?: { href: string } }, run: () => void): void {
  Object.assign(globalThis, page);
  try {
    run();
  } finally {
    for (const name of ["document", "location"]) delete (globalThis as Record<string, unknown>)[name];
  }
}

const deep = { document: { baseURI: "https://x.example/app/" }, location: { href: "https://x.example/app/deep/page" } };
const inner = { document: { baseURI: "https://x.example/page" }, location: { href: "about:srcdoc" } };
const none = {};

for (const [name, page, url, want] of [
  ["F76: a relative url on a page with a <base>", deep, "bus", "https://x.example/app/bus"],
  ["F76: a path on such a page", deep, "/bus", "https://x.example/bus"],
  ["F76: a path in an <iframe srcdoc>", inner, "/bus", "https://x.example/bus"],
  ["F77: the URL of a WebSocket", none, "ws://x.example/bus", "http://x.example/bus"],
  ["F77: the URL of a WebSocket with TLS", deep, "wss://x.example:8443/bus/", "https://x.example:8443/bus"],
  ["a whole URL", none, "https://x.example/a/bus//", "https://x.example/a/bus"],
  ["a path where there is no page", none, "/bus", "/bus"],
  ["a path on a page without an address", { location: { href: "about:blank" } }, "/bus", "/bus"],
] as const) {
  test(name, () => onPage(page, () => assert.equal(baseOf(url), want, `${url}`)));
}

for (const url of ["http://x.example/bus?x=1", "/bus?x=1", "/bus#top", "127.0.0.1:8080/bus", "localhost:8080/bus", "file:///bus", "javascript:1", "http://", "https:///bus"]) {
  test(`F77: ${url} is no base`, () => {
    for (const page of [deep, none]) onPage(page, () => assert.throws(() => createMessageBus({ url, tabs: false, transports: ["poll"] }), TypeError, url));
  });
}
