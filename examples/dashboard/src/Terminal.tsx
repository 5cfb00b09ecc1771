import { useRef, useState } from "react";
import { quoted, root } from "./words.js";

/** The same, from a terminal. */
export function Terminal({ channel }: { channel: string }) {
  const body = JSON.stringify({ channel, data: "hello from a terminal" });
  return (
    <section className="card" aria-labelledby="terminal">
      <h2 id="terminal">From a terminal</h2>
      <Command name="publish" label="Publish" line={`curl ${root}/api/publish -H 'Content-Type: application/json' -d ${quoted(body)}`} />
      <Command name="listen" label="Listen" line={`curl -N ${quoted(`${root}/bus/sse?channel=${encodeURIComponent(channel).replaceAll("%2F", "/")}`)}`} />
    </section>
  );
}

function Command({ name, label, line }: { name: string; label: string; line: string }) {
  const [copied, setCopied] = useState(false);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(line);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      getSelection()?.selectAllChildren(code.current!); // not allowed to: ready for the visitor's own copy
    }
  };
  return (
    <div className="command">
      <div>
        <span>{label}</span>
        <button type="button" onClick={copy} aria-label={`Copy the line: ${label}`} data-testid={`copy-${name}`}>
          {copied ? "Copied" : "Copy"}
        </button>
      </div>
      <pre tabIndex={0}>
        <code ref={code} data-testid={`curl-${name}`}>
          {line}
        </code>
      </pre>
    </div>
  );
}
