/** Parts that several views share: loading, errors, tables, forms. */
import { type FormEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { type Everybody, Refused } from "./api";

export interface Asked<T> {
  data?: T;
  error?: Refused;
  again: () => void;
}

/** Asks once, again whenever `key` changes, and every `each` milliseconds while the page is looked at. */
export function useAsk<T>(key: string, ask: () => Promise<T>, each = 0): Asked<T> {
  const [state, set] = useState<{ key: string; data?: T; error?: Refused }>({ key });
  const latest = useRef(ask);
  latest.current = ask;
  const [turn, next] = useState(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (each && document.hidden) timer = setTimeout(run, each);
      else {
        try {
          const data = await latest.current();
          if (!over) set({ key, data });
        } catch (error) {
          if (!over) set((before) => ({ ...(before.key === key ? before : {}), key, error: asRefused(error) }));
        }
        if (each && !over) timer = setTimeout(run, each);
      }
    };
    void run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [key, each, turn]);
  const again = useCallback(() => next((n) => n + 1), []);
  return { ...(state.key === key ? { data: state.data, error: state.error } : {}), again };
}

export const asRefused = (error: unknown): Refused => (error instanceof Refused ? error : new Refused(0, "fault", String(error), "Load the page again."));

export function Fault({ error }: { error?: Refused | undefined }) {
  if (!error) return null;
  return (
    <p className="fault" role="alert">
      <strong>{error.message}</strong> {error.hint}
    </p>
  );
}

export function Missing({ of }: { of?: Everybody | undefined }) {
  if (!of?.unanswered?.length) return null;
  return (
    <p className="fault" role="status">
      Of {of.nodes} nodes these did not answer, and nothing of them is shown: {of.unanswered.join(", ")}
    </p>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  kind?: "number" | "code" | "wide" | "act";
}

/** A table, of which each row is a card on a narrow screen. */
export function Table<T>({ label, rows, columns, id, none, testid }: { label: string; rows?: T[] | undefined; columns: Column<T>[]; id: (row: T) => string; none: ReactNode; testid?: string }) {
  if (!rows) return <p className="soft">Loading …</p>;
  if (!rows.length) return <p className="soft">{none}</p>;
  return (
    <div className="table">
      <table aria-label={label} data-testid={testid}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.head} scope="col" className={c.kind}>
                {c.kind === "act" ? <span className="away">{c.head}</span> : c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map((c) => (
                <td key={c.head} className={c.kind} data-head={c.kind === "act" ? undefined : c.head}>
                  <span>{c.cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A form that says what came of it. `send` returns a sentence. */
export function Act({ title, note, button, danger, children, send, testid }: { title?: string; note?: string; button: string; danger?: boolean; children: ReactNode; send: (form: FormData) => Promise<ReactNode>; testid?: string }) {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<ReactNode>();
  const [error, setError] = useState<Refused>();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setDone(undefined);
    setError(undefined);
    try {
      setDone(await send(form));
    } catch (e) {
      setError(asRefused(e));
    }
    setBusy(false);
  };
  return (
    <form onSubmit={submit} className="act" data-testid={testid} aria-label={title ?? button}>
      {title && <h3>{title}</h3>}
      {note && <p className="soft">{note}</p>}
      {children}
      <button className={danger ? "danger" : "primary"} disabled={busy}>
        {button}
      </button>
      <div role="status" className="done">
        {done}
      </div>
      <Fault error={error} />
    </form>
  );
}

export function Field({ name, label, value, required, hint, area, placeholder }: { name: string; label: string; value?: string; required?: boolean; hint?: string; area?: boolean; placeholder?: string }) {
  const more = { name, defaultValue: value, required, placeholder, spellCheck: false, autoComplete: "off", autoCapitalize: "off" };
  return (
    <label className="field">
      <span>{label}</span>
      {area ? <textarea rows={4} {...more} /> : <input {...more} />}
      {hint && <small>{hint}</small>}
    </label>
  );
}

/** A dialog, which Escape and its button close. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    ref.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby="dialog" onClose={close} onCancel={close}>
      <header>
        <h2 id="dialog">{title}</h2>
        <button onClick={() => ref.current?.close()}>Close</button>
      </header>
      {children}
    </dialog>
  );
}

export const json = (data: unknown): string => JSON.stringify(data) ?? "null";
export const clock = (ms: number): string => new Date(ms).toLocaleTimeString("en-GB");
export const day = (ms: number): string => `${new Date(ms).toLocaleDateString("en-CA")} ${clock(ms)}`;
export const count = (n: number): string => n.toLocaleString("en-GB");
export const transportName = (name: string): string => ({ websocket: "WebSocket", sse: "Stream (SSE)", poll: "Long-poll" })[name] ?? name;
export const times = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
