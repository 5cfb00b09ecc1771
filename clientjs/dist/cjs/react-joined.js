"use client";/* Tidings, Apache-2.0 */
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

// clientjs/src/react-joined.ts
var react_joined_exports = {};
__export(react_joined_exports, {
  useJoined: () => useJoined,
  useServerEvent: () => useServerEvent
});
module.exports = __toCommonJS(react_joined_exports);
var import_react2 = require("react");
var import_joined = require("./joined.js");
var import_react3 = require("./react.js");

// clientjs/src/react/latest.ts
var import_react = require("react");
function useLatest(value) {
  const latest = (0, import_react.useRef)(value);
  (0, import_react.useInsertionEffect)(() => {
    latest.current = value;
  });
  return latest;
}

// clientjs/src/react-joined.ts
function useJoined(onMessage, options = {}) {
  const nearest = (0, import_react3.useBus)();
  const bus = options.bus ?? nearest;
  const { onGap } = options;
  const latest = useLatest({ onMessage, onGap });
  (0, import_react2.useEffect)(
    () => (0, import_joined.onJoined)(bus, (...message) => latest.current.onMessage(...message), onGap && { onGap: (gap) => latest.current.onGap?.(gap) }),
    [bus, !onGap]
  );
}
function useServerEvent(name, callback, bus) {
  const nearest = (0, import_react3.useBus)();
  const own = bus ?? nearest;
  const latest = useLatest(callback);
  (0, import_react2.useEffect)(() => (0, import_joined.onEvent)(own, name, (...event) => latest.current(...event)), [own, name]);
}
