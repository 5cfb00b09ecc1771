import { useState } from "react";
import type { Status, TransportName } from "tidings";
import { useBus, useBusStatus } from "tidings/react";
import { fallbackReason, TRANSPORTS, transportName } from "./words.js";

type Choice = TransportName | "auto";
const CHOICES: readonly Choice[] = ["auto", ...TRANSPORTS];

/** Why it is this transport. */
function why({ state, transport, fallback }: Status, choice: Choice, offline: boolean): string {
  if (offline) return "You are offline by your own choice.";
  if (state === "idle" || state === "connecting") return "Connecting …";
  if (state !== "connected" || !transport) return "No transport gets through at the moment; it is tried again by itself.";
  const name = transportName(transport);
  if (choice !== "auto") return `${name}, because you chose it.`;
  if (transport === TRANSPORTS[0]) return `${name}, because the first choice gets through.`;
  const missing = TRANSPORTS.slice(0, TRANSPORTS.indexOf(transport)).map(transportName).join(" and ");
  return `${name}, because ${missing} ${fallbackReason(fallback)}.`;
}

const TABS = {
  leader: "This tab carries the connection for all tabs of this browser.",
  follower: "This tab shares the connection of another tab.",
  own: "This tab has a connection of its own.",
};

/** Which transport carries the session and why, and ways to break it. */
export function Connection() {
  const bus = useBus();
  const status = useBusStatus();
  const { state, transport, error } = status;
  const [choice, setChoice] = useState<Choice>("auto");
  const [offline, setOffline] = useState(false);

  const choose = (next: Choice) => {
    setChoice(next);
    bus.use(next === "auto" ? TRANSPORTS : [next]);
  };
  const toggle = () => {
    if (offline) bus.debug.release();
    else bus.debug.hold();
    setOffline(!offline);
  };

  return (
    <section className="card" aria-labelledby="connection">
      <h2 id="connection">Connection</h2>
      <fieldset className="choices">
        <legend>Transport</legend>
        {CHOICES.map((name) => (
          <label key={name} className={name === transport ? "carries" : ""}>
            <input type="radio" name="transport" value={name} checked={choice === name} onChange={() => choose(name)} data-testid={`use-${name}`} />
            <span>{name === "auto" ? "Automatic" : transportName(name)}</span>
          </label>
        ))}
      </fieldset>
      <p className="why" data-testid="why">
        {why(status, choice, offline)}
      </p>
      <p className="note" data-testid="tab" data-tab={status.tab ?? "own"}>
        {TABS[status.tab ?? "own"]}{" "}
        <a href={location.href} target="_blank" rel="noopener">
          Open one more
        </a>
      </p>
      <div className="buttons">
        <button type="button" onClick={() => bus.debug.cut()} disabled={state !== "connected"} data-testid="cut">
          Cut the line
        </button>
        <button type="button" className={offline ? "primary" : ""} onClick={toggle} aria-pressed={offline} data-testid="offline">
          {offline ? "Go online" : "Go offline"}
        </button>
      </div>
      <p className="note">
        {offline
          ? "Offline. Publish from a terminal now; what you miss comes when you are back."
          : error && state !== "connected"
            ? `${error.message} ${error.hint}`
            : "A cut line heals by itself; a change of transport loses nothing and repeats nothing."}
      </p>
    </section>
  );
}
