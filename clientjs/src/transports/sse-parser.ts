/**
 * Reads the data of the events of an event stream (WHATWG HTML, section 9.2.6) from decoded chunks that may be split
 * anywhere. Comments, ids, event names and an unfinished event at the end are passed over.
 */
export function createSSEParser(onData: (data: string) => void): (chunk: string) => void {
  let line = "";
  let data: string[] = [];
  let afterCR = false;
  return (chunk) => {
    const lines = (line + (afterCR ? chunk.replace(/^\n/, "") : chunk)).split(/\r\n?|\n/);
    if (chunk) afterCR = chunk.endsWith("\r");
    line = lines.pop() as string;
    for (const text of lines) {
      if (/^data(:|$)/.test(text)) data.push(text.replace(/^data:? ?/, ""));
      if (text) continue;
      if (data.length) onData(data.join("\n"));
      data = [];
    }
  };
}
