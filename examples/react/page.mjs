// A page for the tests to render into.
import { Window } from "happy-dom";

/** React's `act` waits a turn on a MessageChannel, which would keep Node alive for ever. */
class TurnChannel {
  port1 = {};
  port2 = { postMessage: () => void setImmediate(() => this.port1.onmessage?.()) };
}

const window = new Window();
const { document, navigator } = window;
for (const [name, value] of Object.entries({ window, document, navigator, MessageChannel: TurnChannel, IS_REACT_ACT_ENVIRONMENT: true })) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
