// TLS to a collector as its other end sees it.
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { Client, type ServiceError, status } from "@grpc/grpc-js";
import { generate } from "selfsigned";
import { expect, onTestFinished, test } from "vitest";
import { channelCredentials } from "./collector-access.ts";

/** Answers every call, and shows a certificate for `localhost` and 127.0.0.1. */
async function startServer() {
  const { cert, private: key } = await generate([{ name: "commonName", value: "collector" }], {
    ...{ keyType: "ec", algorithm: "sha256" },
    extensions: [
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  const names: TLSSocket["servername"][] = [];
  const server = createSecureServer({ cert, key });
  server.on("secureConnection", (socket) => names.push(socket.servername));
  const answer = { ":status": 200, "content-type": "application/grpc", "grpc-status": status.UNIMPLEMENTED };
  server.on("stream", (stream) => stream.respond(answer, { endStream: true }));
  await once(server.listen(0, "0.0.0.0"), "listening");
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, ca: cert, names };
}

/** How a call ends, whose answer is that nothing is implemented. */
async function call(address: string, ca: string): Promise<ServiceError> {
  const client = new Client(address, channelCredentials({ tls: { ca } }), { "grpc.enable_http_proxy": 0 });
  onTestFinished(() => client.close());
  const [same, nothing] = [(bytes: Buffer) => bytes, Buffer.alloc(0)];
  return new Promise((resolve) =>
    client.makeUnaryRequest("/any/call", same, same, nothing, (error) => resolve(error!)),
  );
}

test.each([
  ["127.0.0.1", false],
  ["localhost", "localhost"],
])("a collector at %s is asked for as the server %s, without a warning", async (host, name) => {
  const { port, ca, names } = await startServer();
  const warnings: Error[] = [];
  const keep = (warning: Error) => void warnings.push(warning);
  process.on("warning", keep);
  onTestFinished(() => void process.off("warning", keep));
  expect(await call(`${host}:${port}`, ca)).toMatchObject({ code: status.UNIMPLEMENTED });
  expect(names).toEqual([name]);
  expect(warnings).toEqual([]);
});

test("a certificate for another address is refused", async () => {
  const { port, ca } = await startServer();
  const refused = await call(`127.0.0.2:${port}`, ca);
  expect(refused).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringMatching(/127\.0\.0\.2 is not in/) });
});
