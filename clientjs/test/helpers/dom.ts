import type { ReactNode } from "react";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";

/** React's `act` waits a turn on a MessageChannel, which would keep Node alive for ever. */
class TurnChannel {
  port1: { onmessage?: () => void } = {};
  port2 = { postMessage: () => void setImmediate(() => this.port1.onmessage?.()) };
}

/** A page for react-dom to render into. */
export async function openPage(): Promise<() => Promise<void>> {
  const { Window } = await import("happy-dom");
  const window = new Window();
  const globals = { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true, MessageChannel: TurnChannel };
  Object.assign(globalThis, globals);
  return async () => {
    for (const name of Object.keys(globals)) delete (globalThis as Record<string, unknown>)[name];
    await window.happyDOM.close();
  };
}

/** Something that is rendered, and can be rendered otherwise. */
export async function mount(node: ReactNode) {
  const container = document.createElement("div");
  const root: Root = createRoot(container);
  const render = (next: ReactNode): Promise<void> => act(async () => root.render(next));
  await render(node);
  return { container, render, text: () => container.textContent, unmount: () => act(async () => root.unmount()) };
}
