import { useState } from "react";
import { useBus } from "tidings/react";
import { TidingsError } from "tidings";

const BURST = 20;

/** Publishes over the page's own connection. */
export function Publish({ channel }: { channel: string }) {
  const bus = useBus();
  const [text, setText] = useState('{"hello": "world"}');
  const [result, setResult] = useState<{ text: string; bad?: boolean }>({ text: "" });
  const { data, json } = read(text);

  const run = async (publish: () => Promise<string>) => {
    setResult({ text: "On its way …" });
    try {
      setResult({ text: await publish() });
    } catch (error) {
      setResult({ text: error instanceof TidingsError ? `${error.message} ${error.hint}` : String(error), bad: true });
    }
  };
  const one = () =>
    run(async () => {
      const begun = performance.now();
      const { offset } = await bus.publish(channel, data);
      return `Message ${offset}, acknowledged after ${since(begun)}.`;
    });
  const burst = () =>
    run(async () => {
      const begun = performance.now();
      await Promise.all(Array.from({ length: BURST }, (_, i) => bus.publish(channel, { burst: i + 1, of: BURST })));
      return `${BURST} messages, acknowledged after ${since(begun)}.`;
    });

  return (
    <section className="card" aria-labelledby="publish">
      <h2 id="publish">Publish from this page</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void one();
        }}
      >
        <label htmlFor="payload">
          Payload <small>{json ? "is sent as JSON" : "is sent as text"}</small>
        </label>
        <textarea
          id="payload"
          data-testid="payload"
          rows={2}
          value={text}
          spellCheck={false}
          onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => {
            if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey)) return;
            e.preventDefault();
            void one();
          }}
        />
        <div className="buttons">
          <button type="submit" className="primary" data-testid="publish">
            Publish
          </button>
          <button type="button" onClick={burst} data-testid="burst">
            Publish {BURST}
          </button>
        </div>
      </form>
      <p className={result.bad ? "note bad" : "note"} role="status" data-testid="published">
        {result.text || "Waits for a connection if there is none."}
      </p>
    </section>
  );
}

const since = (begun: number) => `${(performance.now() - begun).toFixed(1)} ms`;

/** What was typed, as JSON where it is that, else as a string. */
function read(text: string): { data: unknown; json: boolean } {
  try {
    return { data: JSON.parse(text), json: true };
  } catch {
    return { data: text, json: false };
  }
}
