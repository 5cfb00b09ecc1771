/* Tidings, Apache-2.0 */

// clientjs/src/call.ts
var call = async (bus, method, data, options) => (await bus.request({ type: "call", method, data, idempotencyKey: `${crypto.getRandomValues(new Uint32Array(4))}`, ...options })).data;
export {
  call
};
//# sourceMappingURL=call.js.map
