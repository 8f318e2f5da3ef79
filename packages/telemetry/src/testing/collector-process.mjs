// A collector in a process of its own, run from dist: node collector-process.mjs DIRECTORY OPTIONS
// OPTIONS is JSON: { death, collector }, what CollectorProcess.start is given. Prints its addresses as one line of JSON, and what it
// was about to do before it kills itself. Ends in order when its standard input closes.
import { writeSync } from "node:fs";
import { killUnlessEnded, startCollector } from "../../dist/index.js";
import { Database } from "../../dist/store/engine/database.js";

const [dataDirectory, json] = process.argv.slice(2);
const { death, collector: options } = JSON.parse(json);

if (death !== undefined) dieAt(death);

/** A statement is counted before it begins: an insert of any rows by its table, a batch as "batch", and everything as "any". */
function dieAt({ table, time, microseconds }) {
  let times = 0;
  /** Calls `die` in place of the statement whose turn it is. */
  const replace = (method, counts, words, die) => {
    const original = Database.prototype[method];
    Database.prototype[method] = function (...args) {
      if (!counts(...args) || ++times !== time) return original.apply(this, args);
      writeSync(1, `${JSON.stringify({ lastWords: `${words} ${said(args[0])}` })}\n`);
      if (microseconds === undefined && method !== "insertAll") process.kill(process.pid, "SIGKILL");
      return die(original.bind(this), ...args);
    };
  };
  const said = (first) => (typeof first === "string" ? first.trim().slice(0, 60) : table);
  const soon = (go, ...args) => {
    dieIn(microseconds * 1000);
    return go(...args);
  };
  for (const method of ["run", "rows", "rowsForWriter"]) replace(method, () => table === "any", method, soon);
  replace("insertSelected", (first) => [first, "any"].includes(table), "insertSelected", soon);
  const rowsOf = (inserts, last) => [...inserts, last].filter((insert) => insert?.block.rows > 0);
  const insertsInto = (inserts, last) =>
    table === "any" || (table === "batch" ? last : rowsOf(inserts, last).some((insert) => insert.table === table));
  // What comes before the table is stored, the table is about to be.
  replace("insertAll", insertsInto, "insert", async (go, inserts, last, begun) => {
    const all = rowsOf(inserts, last);
    const first = Math.max(
      0,
      all.findIndex((insert) => insert.table === table),
    );
    await go(all.slice(0, first));
    if (microseconds === undefined) process.kill(process.pid, "SIGKILL");
    await go(all.slice(first, -1), all.at(-1), () => {
      dieIn(microseconds * 1000);
      begun?.();
    });
  });
}

function dieIn(nanoseconds) {
  const at = process.hrtime.bigint() + BigInt(nanoseconds);
  const check = () => {
    if (process.hrtime.bigint() >= at) process.kill(process.pid, "SIGKILL");
    setImmediate(check);
  };
  setImmediate(check);
}

const startOptions = {
  dataDirectory,
  http: { port: 0 },
  grpc: { port: 0 },
  flushInterval: 10,
  storingShare: 1,
  rollUpEvery: 32,
  logLevel: "warn",
  ...options,
};
try {
  const collector = await startCollector(startOptions);
  const { httpAddress, grpcAddress } = collector;
  console.log(JSON.stringify({ httpAddress, grpcAddress }));
  process.stdin.resume().on("end", () => collector.stop().then(() => killUnlessEnded(100)));
} catch (error) {
  console.error(error);
  process.exitCode = 1; // and the process ends by itself, unless something was left running
}
