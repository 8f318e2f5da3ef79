import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Failure } from "../failure.ts";
import { collectorClient } from "./collector-client.ts";

let server: Server;
let url: string;
beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterEach(() => void server.closeAllConnections());

it("fails in one line where no collector answers, whatever has gone wrong on the way", async () => {
  server.on("request", (request) => request.destroy());
  const client = await collectorClient(url, {});
  await expect(client.runs()).rejects.toThrow(/^No collector answers at http:\/\/127\.0\.0\.1:\d+: ./);
  await new Promise((resolve) => server.close(resolve));
  for (const tls of [undefined, {}]) {
    const refused = (await collectorClient(url, { tls })).runs();
    await expect(refused).rejects.toThrow(Failure);
    await expect(refused).rejects.toThrow(/^No collector answers at http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/);
  }
});

it("leaves alone what is no matter of reaching it", async () => {
  server.on("request", (_, response) => response.writeHead(503).end("busy"));
  const client = await collectorClient(url, {});
  await expect(client.runs()).rejects.toMatchObject({ name: "CollectorError", status: 503 });
  await expect(client.runs(AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  server.close();
});
