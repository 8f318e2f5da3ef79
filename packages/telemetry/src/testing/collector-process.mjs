// A collector in a process of its own, run from dist: node collector-process.mjs DIRECTORY [TABLE BATCH]
// Prints its addresses as one line of JSON. With TABLE and BATCH it kills itself when it is about to insert that batch's rows
// into that table. Ends in order when its standard input closes.
import { startCollector } from "../../dist/index.js";
import { Database } from "../../dist/store/database.js";

const [dataDirectory, fatalTable, fatalBatch] = process.argv.slice(2);

if (fatalTable !== undefined) {
  const { insert } = Database.prototype;
  Database.prototype.insert = function (table, block, token) {
    if (table === fatalTable && token.split("/")[1] === fatalBatch) process.kill(process.pid, "SIGKILL");
    return insert.call(this, table, block, token);
  };
}

const collector = await startCollector({
  dataDirectory,
  http: { port: 0 },
  grpc: { port: 0 },
  flushInterval: 10,
  logLevel: "warn",
});
const { httpAddress, grpcAddress } = collector;
console.log(JSON.stringify({ httpAddress, grpcAddress }));
process.stdin.resume().on("end", () => collector.stop());
