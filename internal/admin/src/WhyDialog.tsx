import { get, type Why } from "./api";
import { day, Dialog, Fault, useAsk } from "./ui";

/** A message and a connection, of which somebody asks what became of the one for the other. */
export interface Question {
  channel: string;
  offset: number;
  connection: string;
}

export function WhyDialog({ of, close }: { of: Question; close: () => void }) {
  const { data, error } = useAsk(JSON.stringify(of), () => get<Why>("why", { ...of }));
  return (
    <Dialog title={`Message ${of.offset} of ${of.channel}, for ${of.connection}`} close={close}>
      <Fault error={error} />
      {!data && !error && <p className="soft">Asking …</p>}
      {data && (
        <div data-testid="why">
          <p className={data.receives ? "verdict" : "verdict no"}>
            <strong>{data.receives ? "It has it, or will have it." : "It does not get it."}</strong> {data.message}
          </p>
          <h3>What happened to this connection, the newest last</h3>
          {data.records.length === 0 ? (
            <p className="soft">Nothing is remembered.</p>
          ) : (
            <ol className="records">
              {data.records.map((r, i) => (
                <li key={i}>
                  <time>{day(r.time)}</time> <strong>{r.what}</strong> {r.channel} {r.code} {r.last !== undefined && `after ${r.last}`} {r.from !== undefined && `${r.from} to ${r.to ?? "…"}`}
                </li>
              ))}
            </ol>
          )}
        </div>
      )}
    </Dialog>
  );
}
