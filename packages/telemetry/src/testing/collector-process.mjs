// A collector in a process of its own, run from dist: node collector-process.mjs DIRECTORY [TABLE TIME]
// Prints its addresses as one line of JSON. With TABLE and TIME it kills itself when it is about to insert into that table for that
// time (1: the first). Ends in order when its standard input closes.
import { startCollector } from "../../dist/index.js";
import { Database } from "../../dist/store/database.js";

const [dataDirectory, fatalTable, fatalTime] = process.argv.slice(2);

if (fatalTable !== undefined) {
  let times = 0;
  for (const method of ["insert", "insertSelected"]) {
    const original = Database.prototype[method];
    Database.prototype[method] = function (table, ...others) {
      if (table === fatalTable && ++times === Number(fatalTime)) process.kill(process.pid, "SIGKILL");
      return original.call(this, table, ...others);
    };
  }
}

const collector = await startCollector({
  dataDirectory,
  http: { port: 0 },
  grpc: { port: 0 },
  flushInterval: 10,
  storingShare: 1,
  rollUpEvery: 16,
  logLevel: "warn",
});
const { httpAddress, grpcAddress } = collector;
console.log(JSON.stringify({ httpAddress, grpcAddress }));
process.stdin.resume().on("end", () => collector.stop());
