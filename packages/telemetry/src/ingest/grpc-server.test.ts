// What the gRPC side says of itself before it answers a Hello.
import { Client, credentials, type Metadata } from "@grpc/grpc-js";
import { collectorService, MESSAGE_BYTES_METADATA } from "@moescope/proto";
import { expect, onTestFinished, test } from "vitest";
import { testCollector } from "../testing/collector.ts";

test("a sender learns how large a message may be, before it has sent anything", async () => {
  const collector = await testCollector({ limits: { messageBytes: 123_456 } });
  const client = new Client(collector.grpcAddress, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = collectorService.report;
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.on("error", () => {}); // cancelled below
  const metadata = await new Promise<Metadata>((resolve) => call.once("metadata", resolve));
  expect(metadata.get(MESSAGE_BYTES_METADATA)).toEqual(["123456"]);
  call.cancel();
});
