// A collector in a process of its own, run from dist: node collector-process.mjs DIRECTORY OPTIONS
// OPTIONS is JSON: { death, collector }, what CollectorProcess.start is given. Prints its addresses as one line of JSON, and what it
// was about to do before it kills itself. Ends in order when its standard input closes.
import { writeSync } from "node:fs";
import { startCollector } from "../../dist/index.js";
import { Database } from "../../dist/store/database.js";

const [dataDirectory, json] = process.argv.slice(2);
const { death, collector: options } = JSON.parse(json);

if (death !== undefined) dieAt(death);

/** A statement is counted before it begins: an insert of any rows by its table, and everything as "any". */
function dieAt({ table, time, microseconds }) {
  let times = 0;
  for (const method of ["run", "rows", "rowsForWriter", "insert", "insertSelected"]) {
    const original = Database.prototype[method];
    Database.prototype[method] = function (first, ...others) {
      const inserts = method === "insertSelected" || (method === "insert" && others[0].rows > 0);
      const counts = table === "any" || (inserts && first === table);
      if (!counts || ++times !== time) return original.call(this, first, ...others);
      writeSync(1, `${JSON.stringify({ lastWords: `${method} ${first.trim().slice(0, 60)}` })}\n`);
      if (microseconds === undefined) process.kill(process.pid, "SIGKILL");
      dieIn(microseconds * 1000);
      return original.call(this, first, ...others);
    };
  }
}

function dieIn(nanoseconds) {
  const at = process.hrtime.bigint() + BigInt(nanoseconds);
  const check = () => {
    if (process.hrtime.bigint() >= at) process.kill(process.pid, "SIGKILL");
    setImmediate(check);
  };
  setImmediate(check);
}

const collector = await startCollector({
  dataDirectory,
  http: { port: 0 },
  grpc: { port: 0 },
  flushInterval: 10,
  storingShare: 1,
  rollUpEvery: 32,
  logLevel: "warn",
  ...options,
});
const { httpAddress, grpcAddress } = collector;
console.log(JSON.stringify({ httpAddress, grpcAddress }));
process.stdin.resume().on("end", () => collector.stop());
