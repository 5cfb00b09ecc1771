// Hot reload, by React's own runtime for it: the component's code is replaced while the page is shown.
import runtime from "./helpers/refresh.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { act, createElement, useState, type FunctionComponent } from "react";
import { useBusQuery, useMessageBus } from "../src/react.js";
import { servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import { mount, openPage } from "./helpers/dom.js";

/** The module of a component, evaluated once more with other code. */
function edit(code: FunctionComponent, signature: string): FunctionComponent {
  runtime.register(code, "module App");
  runtime.setSignature(code, signature);
  return code;
}

for (const [name, signature] of [["keeps its state", "same hooks"], ["is mounted anew", "other hooks"]] as const) {
  test(`a component that is edited and ${name} hears on, each message once`, async () => {
    const closePage = await openPage();
    const { bus, net, server, clock } = servedBus();
    const got: string[] = [];
    let asked = 0;
    const version = (label: string): FunctionComponent => () => {
      const [made] = useState(label);
      useMessageBus(["a", "b"], (p, c) => got.push(`${label} ${c}${p}`), { bus });
      const { data } = useBusQuery({ channel: "a", bus, clock, fetch: async () => ++asked });
      return createElement("p", null, `${made} ${label} ${data}`);
    };
    const first = edit(version("one"), "same hooks");
    const m = await mount(createElement(first));
    await act(() => clock.advance(2_000));
    await act(async () => server.publish("a", 1));
    await act(async () => {
      edit(version("two"), signature);
      runtime.performReactRefresh();
    });
    await settle();
    await act(() => {
      server.publish("a", 2);
      server.publish("b", 3);
      return clock.advance(2_000);
    });
    assert.deepEqual(got, ["one a1", "two a2", "two b3"]);
    assert.match(m.text() ?? "", signature === "same hooks" ? /^one two \d/ : /^two two \d/);
    const sent = net.links.flatMap((l) => l.sent).filter((f) => f.type.endsWith("subscribe")).map((f) => `${f.type} ${f.channel}`);
    assert.deepEqual(sent, ["subscribe a", "subscribe b"]);
    await m.unmount();
    await settle();
    bus.close();
    await closePage();
  });
}
