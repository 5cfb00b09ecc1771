/* Tidings, Apache-2.0 */

// clientjs/src/joined.ts
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
export {
  onEvent,
  onJoined,
  pageConnectionId
};
//# sourceMappingURL=joined.js.map
