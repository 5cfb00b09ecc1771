// Which rows of verdicts.json hold, with the facts put in. judge.go does the same; a test compares them.

const holds = (row, facts) => Object.entries(row.when).every(([name, values]) => values.includes(facts[name] ?? ""));

const filled = (row, facts) => ({ ...row, says: row.says.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "") });

/** The first summary that holds, and every verdict that does. */
export function judge(table, facts) {
  return {
    summary: filled(table.summaries.find((row) => holds(row, facts)), facts),
    verdicts: table.verdicts.filter((row) => holds(row, facts)).map((row) => filled(row, facts)),
  };
}
