import type { Journal } from "./journal.js";
import { useStore } from "./store.js";
import { clock } from "./words.js";

/** What happened to the connection. */
export function JournalCard({ journal }: { journal: Journal }) {
  const lines = useStore(journal);
  return (
    <section className="card journal" aria-labelledby="journal">
      <h2 id="journal">What happened</h2>
      <ol role="log" data-testid="journal" tabIndex={0} aria-labelledby="journal">
        {lines.map((line) => (
          <li key={line.key} className={line.tone}>
            <time dateTime={line.at.toISOString()}>{clock(line.at)}</time>
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
