import { useReplyChannel } from "tidings/react";
import { useState } from "react";
import { tell } from "./building.js";

interface Report {
  readonly arrivals: number;
  readonly busiest: number;
  readonly most: number;
  readonly inside: number;
}

/** A job that takes a while: it is handed a publish URL of a channel that only this page can read, and reports there. */
export function Job() {
  const [refused, setRefused] = useState("");
  const { state, progress, result, error, open } = useReplyChannel<Report, { percent: number; step: string }>({ ttl: 60_000 });
  const start = async () => {
    setRefused("");
    try {
      await tell("jobs", { reply: await open() });
    } catch (failure) {
      setRefused((failure as Error).message);
    }
  };
  const busy = state === "waiting" && !refused;
  return (
    <section className="card job" aria-labelledby="job" data-testid="job" data-state={refused ? "failed" : state}>
      <h2 id="job">A long job</h2>
      <button type="button" onClick={start} disabled={busy} data-testid="start-job">
        {state === "done" ? "Prepare it again" : "Prepare the report"}
      </button>
      {busy && (
        <>
          <progress max={100} value={progress?.percent ?? 0} aria-label="Progress of the report" data-testid="progress" />
          <p className="note">
            {progress ? `${progress.percent} %: ${progress.step.toLowerCase()} …` : "Handed over …"}
          </p>
        </>
      )}
      {!busy && (
        <p className={refused || error ? "note bad" : "note"} role="status" data-testid="report">
          {refused ||
            error?.message ||
            (result
              ? `${result.arrivals} arrivals, ${result.most} of them in the busiest hour, from ${new Date(result.busiest).getHours()} o’clock. ${result.inside} are inside.`
              : "It takes some seconds and says how far it is, on a channel made for it alone. Cut the line meanwhile: nothing gets lost.")}
        </p>
      )}
    </section>
  );
}
