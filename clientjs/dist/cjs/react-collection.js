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

// clientjs/src/react-collection.ts
var react_collection_exports = {};
__export(react_collection_exports, {
  useCollection: () => useCollection,
  useDocument: () => useDocument
});
module.exports = __toCommonJS(react_collection_exports);
var import_react = require("react");
var import_collection = require("./collection.js");
var import_react2 = require("./react.js");
var NOTHING = { documents: [], more: false, known: false, loading: true, error: null };
function useCollection(name, options = {}) {
  const nearest = (0, import_react2.useBus)();
  const bus = options.bus ?? nearest;
  const { filter, sort, limit } = options;
  const { subscribe, current } = (0, import_react.useMemo)(() => {
    let state = NOTHING;
    return {
      current: () => state,
      subscribe(tell) {
        if (!name) return () => {
        };
        return (0, import_collection.collection)(bus, name).live({ filter, sort, limit }, (next) => {
          state = next;
          tell();
        });
      }
    };
  }, [bus, name, JSON.stringify([filter, sort, limit])]);
  return (0, import_react.useSyncExternalStore)(subscribe, current, current);
}
function useDocument(name, id, bus) {
  const { documents, known, loading, error } = useCollection(id === null ? null : name, { filter: { ids: { values: [id] } }, bus });
  return { document: documents[0] ?? null, known, loading, error };
}
