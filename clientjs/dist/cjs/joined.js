/* Tidings, Apache-2.0 */
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// clientjs/src/joined.ts
var joined_exports = {};
__export(joined_exports, {
  onEvent: () => onEvent,
  onJoined: () => onJoined,
  pageConnectionId: () => pageConnectionId
});
module.exports = __toCommonJS(joined_exports);
function onJoined(bus, onMessage, { onGap } = {}) {
  const own = /* @__PURE__ */ new Map();
  function join(channel, since) {
    if (own.has(channel)) return;
    const leave = bus.subscribe(channel, onMessage, {
      ...since && { since },
      ...onGap && { onGap },
      onError() {
        own.delete(channel);
        leave();
      }
    });
    own.set(channel, leave);
  }
  let late = true;
  const deaf = bus.onFrame((frame) => {
    if (frame.type === "subscribed") join(frame.channel, late || frame.late ? void 0 : frame);
  });
  late = false;
  return () => {
    deaf();
    for (const leave of own.values()) leave();
    own.clear();
  };
}
function onEvent(bus, name, onEvent2) {
  return bus.onFrame((frame) => {
    if (frame.type === "event" && (name === null || frame.event === name)) onEvent2(frame.data, frame.event);
  });
}
var pageConnectionId = () => globalThis.document?.querySelector('meta[name="tidings-connection-id"]')?.content || void 0;
