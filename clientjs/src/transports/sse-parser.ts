/**
 * Reads the data of the events of an event stream (WHATWG HTML, section 9.2.6) from chunks that may be split anywhere. Comments,
 * ids, event names and an unfinished event at the end are passed over.
 */
export function createSSEParser(onData: (data: string) => void): (chunk: string) => void {
  let line = "";
  let data: string[] = [];
  let first = true;
  let afterCR = false;

  function endLine(): void {
    if (line === "") {
      if (data.length) onData(data.join("\n"));
      data = [];
    } else if (line === "data" || line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    line = "";
  }

  return (chunk) => {
    if (!chunk) return;
    if (first && chunk[0] === "\uFEFF") chunk = chunk.slice(1);
    first = false;
    if (afterCR && chunk[0] === "\n") chunk = chunk.slice(1);
    const lines = chunk.split(/\r\n|\r|\n/);
    afterCR = chunk.endsWith("\r");
    lines.forEach((part, i) => {
      line += part;
      if (i < lines.length - 1) endLine();
    });
  };
}
