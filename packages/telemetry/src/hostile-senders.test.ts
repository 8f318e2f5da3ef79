// Senders that are deaf, mute, half, huge or many: they hold up nobody else, and the collector takes in no more than it can store.
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { Database } from "./store/engine/database.ts";
import { getSummary, testCollector } from "./testing/collector.ts";
import { Ledger } from "./testing/ledger.ts";
import { PersistentSender } from "./testing/persistent-sender.ts";
import { quiet } from "./testing/quiet.ts";
import { RawConnection, type RawStream } from "./testing/raw-stream.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { TestViewer } from "./testing/viewer.ts";

const { LIVE } = v1.RunSummary.State;
const GARBAGE = 30_000;
/** A busy machine is slow. */
const PATIENCE = { timeout: 60_000, interval: 5 };
vi.setConfig({ testTimeout: 120_000 });

afterEach(() => vi.restoreAllMocks());

function introduce(stream: RawStream, run: v1.RunDescription, rank = 0): RawStream {
  stream.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank, attempt: 0 } });
  return stream;
}

/** Sends what is no message, and never reads what is said of it. */
function openDeaf(address: string): RawStream {
  const deaf = introduce(new RawConnection(address).open(), describedRun("deaf"));
  for (let frame = 0; frame < GARBAGE; frame++) deaf.sendFrame(new Uint8Array(0));
  return deaf;
}

/** Begins a message of a megabyte and leaves it at that. */
function openHalf(address: string): RawStream {
  const half = introduce(new RawConnection(address).open(), describedRun("half"));
  half.sendFrame(new Uint8Array(100), 1_000_000);
  return half;
}

/** A thousand streams of one connection that say Hello, and no more. */
async function openCrowd(address: string): Promise<RawStream[]> {
  const run = describedRun("crowd", { ranks: 1000 });
  const connection = new RawConnection(address);
  const crowd = Array.from({ length: 1000 }, (_, rank) => introduce(connection.open(), run, rank));
  await Promise.all(crowd.map((stream) => stream.answered()));
  return crowd;
}

/** Speaks another language. @returns whether the collector has hung up */
async function speakNonsense(address: string): Promise<void> {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host);
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {}); // it closes
  socket.write(Buffer.alloc(1000, "moescope"));
  await once(socket.resume(), "close");
}

test("63 ranks go on to the end of their runs, whatever others do", async () => {
  const collector = await testCollector({ maxPendingBytes: 1_000_000 });
  const { grpcAddress } = collector;
  const deaf = openDeaf(grpcAddress);
  const half = openHalf(grpcAddress);
  const crowd = await openCrowd(grpcAddress);
  const huge = introduce(new RawConnection(grpcAddress).open(), describedRun("huge"));
  huge.sendFrame(new Uint8Array(10), 3_000_000_000);

  const ledger = new Ledger();
  const address = () => grpcAddress;
  // Makes messages as fast as they are taken, until all others are done.
  let done = 0;
  const greedy = describedRun("greedy", { experts: 256 });
  const eaten = new Ledger();
  const glutton = new PersistentSender({ run: greedy, ledger: eaten, address, goesOn: () => done < 63, window: 100 });
  const gorging = glutton.run();
  await vi.waitUntil(() => glutton.acknowledged > 0, PATIENCE);
  const run = describedRun("good", { ranks: 63 });
  const good = Array.from({ length: 63 }, (_, rank) => {
    return new PersistentSender({ run, rank, ledger, address, goesOn: ({ made }) => made < 15 });
  });
  await Promise.all(good.map((sender) => sender.run().then(() => done++)));
  expect(good.map(({ acknowledged, connections }) => [acknowledged, connections])).toEqual(Array(63).fill([16, 1]));
  await gorging;
  expect((await getSummary(collector, greedy.id)).steps).toBe(eaten.size - 1);

  // They were there all the while.
  expect([deaf, half, ...crowd].filter(({ closed }) => closed)).toEqual([]);
  expect((await getSummary(collector, "crowd")).state).toBe(LIVE);
  await speakNonsense(grpcAddress);
  void huge.read(Number.POSITIVE_INFINITY);
  expect(await huge.status).toBe(status.RESOURCE_EXHAUSTED);
  await ledger.expectStored(collector);

  // What nobody reads is not answered, and beyond a batch or two what is not answered is not taken in.
  const rejected = () => collector.counters.rejected.MALFORMED ?? 0;
  expect(rejected()).toBeLessThan(GARBAGE / 2);
  void deaf.read(Number.POSITIVE_INFINITY);
  await vi.waitUntil(() => rejected() === GARBAGE, PATIENCE);
});

test("a sender whose machine vanished is found by its silence on the wire", async () => {
  const collector = await testCollector({ silentAfter: 10, limits: { vanishedAfter: 300 } });
  const [host, port] = collector.grpcAddress.split(":");
  const line = createServer((socket) => {
    const upstream = connect(Number(port), host);
    onTestFinished(() => void [socket, upstream].map((end) => end.destroy()));
    for (const end of [socket, upstream]) end.on("error", () => {}); // it closes
    line.once("cut", () => [socket.unpipe(), upstream.unpipe()]);
    socket.pipe(upstream).pipe(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void line.close());
  await once(line, "listening");
  const run = describedRun("vanished");
  const sender = await TestSender.connect(`127.0.0.1:${(line.address() as AddressInfo).port}`, run);
  onTestFinished(() => sender.cut());
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  const viewer = await TestViewer.open(collector, "runs=all");
  line.emit("cut");
  await viewer.find(({ run }) => run?.state === v1.RunSummary.State.SILENT || undefined);
});

test("while nothing can be stored, senders keep what they have: a few messages each are taken in, and later all are there", async () => {
  const collector = await testCollector({ maxPendingBytes: 300_000 });
  const ledger = new Ledger();
  const run = describedRun("held", { ranks: 16, experts: 2048 });
  const streams = Array.from({ length: 16 }, (_, rank) => {
    return introduce(new RawConnection(collector.grpcAddress).open(), run, rank);
  });
  await Promise.all(streams.map((stream) => stream.answered()));
  const store = holdInserts();
  let delivered = 0;
  const flooding = streams.map(async (stream, rank) => {
    void stream.read(Number.POSITIVE_INFINITY);
    for (let sequence = 1; sequence <= 12; sequence++) {
      const step = randomStep(run, { sequence, rank });
      ledger.add(run, { step });
      await stream.deliver({ step });
      delivered++;
    }
  });
  await vi.waitUntil(() => collector.counters.waits > 0, PATIENCE);
  await quiet(() => delivered);
  // Nearly 100 kB a message: the first batch, those that fill the next, and of each stream the one it reads and the one it waits with.
  expect(delivered).toBeLessThan(16 * 4);
  store.release();
  await Promise.all(flooding);
  await vi.waitUntil(() => collector.counters.stored === 16 * 12, PATIENCE);
  await ledger.expectStored(collector);
});

/** A store that takes its time. */
function holdInserts(): { release: () => void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  onTestFinished(() => release());
  const insert = Database.prototype.insert;
  vi.spyOn(Database.prototype, "insert").mockImplementation(async function (this: Database, ...rows) {
    await released;
    return insert.apply(this, rows);
  });
  return { release };
}
