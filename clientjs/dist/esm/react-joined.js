"use client";/* Tidings, Apache-2.0 */

// clientjs/src/react-joined.ts
import { useEffect } from "react";
import { onEvent, onJoined } from "./joined.js";
import { useBus } from "./react.js";

// clientjs/src/react/latest.ts
import { useInsertionEffect, useRef } from "react";
function useLatest(value) {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

// clientjs/src/react-joined.ts
function useJoined(onMessage, options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const { onGap } = options;
  const latest = useLatest({ onMessage, onGap });
  useEffect(
    () => onJoined(bus, (...message) => latest.current.onMessage(...message), onGap && { onGap: (gap) => latest.current.onGap?.(gap) }),
    [bus, !onGap]
  );
}
function useServerEvent(name, callback, bus) {
  const nearest = useBus();
  const own = bus ?? nearest;
  const latest = useLatest(callback);
  useEffect(() => onEvent(own, name, (...event) => latest.current(...event)), [own, name]);
}
export {
  useJoined,
  useServerEvent
};
//# sourceMappingURL=react-joined.js.map
