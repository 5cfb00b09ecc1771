// Answers questions about filters as Koncorde does: one question in JSON on each line of stdin, one answer on each line of stdout.
// {filters, documents} is answered with {id, error, matches} for each filter; without documents a filter is read and not stored, since
// Koncorde's native part ends the process at shapes that are nowhere on Earth. {bench} is answered with nanoseconds per document.
import { Buffer } from "node:buffer";
import { createInterface } from "node:readline";
import { Koncorde } from "koncorde";

const config = { maxConditions: 100, seed: Buffer.alloc(32) };

function answer(filter, documents) {
  const koncorde = new Koncorde(config);
  try {
    if (!documents) return { id: koncorde.normalize(filter).id };
    const id = koncorde.register(filter);
    return { id, matches: documents.map((document) => test(koncorde, document)) };
  } catch (error) {
    return { error: String(error.message), native: error.constructor.name === "TypeError" };
  }
}

/** Whether the only filter matches, or null where Koncorde throws. */
function test(koncorde, document) {
  try {
    return koncorde.test(document).length > 0;
  } catch {
    return null;
  }
}

/** Registers all filters at once, as a server would, and returns the CPU time per document, in the best of the rounds. */
function bench({ filters, documents, rounds }) {
  const koncorde = new Koncorde(config);
  for (const filter of filters) koncorde.register(filter);
  let nanoseconds = Infinity;
  let matches = 0;
  for (let i = 0; i < rounds; i++) {
    const start = process.cpuUsage();
    matches = 0;
    for (const document of documents) matches += koncorde.test(document).length;
    const { user, system } = process.cpuUsage(start);
    nanoseconds = Math.min(nanoseconds, ((user + system) * 1000) / documents.length);
  }
  return { nanoseconds, matches };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const reply = question.bench ? bench(question.bench) : question.filters.map((filter) => answer(filter, question.documents));
  process.stdout.write(JSON.stringify(reply) + "\n");
}
