import type { ServerResponse } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { type AnsweringServer, beginStream, delimited, startAnswering } from "../testing/answering-server.ts";
import { LiveSubscription, type Wanted } from "./live-subscription.ts";

let server: AnsweringServer;
let subscription: LiveSubscription;

afterEach(async () => {
  subscription.want({ runs: [], layers: [], newest: false });
  await server.close();
});

const wanted = (...layers: number[]): Wanted => ({ runs: ["r"], layers, newest: false });

/** @param refused whether to refuse a stream of these parameters */
async function start(refused: (search: string) => boolean = () => false) {
  const streams: ServerResponse[] = [];
  const told: string[] = [];
  server = await startAnswering((request, response) => {
    if (refused(request.url!)) return void response.writeHead(503).end();
    beginStream(response);
    streams.push(response);
  });
  subscription = new LiveSubscription(server.base, {
    onEvent: (_, { layers }) => told.push(`event of layers ${layers.join()}`),
    onConnection: ({ state }, missed) => told.push(`${state}${missed ? ", missed some" : ""}`),
  });
  return { streams, told };
}

test("the old stream brings events until the new one is open, and nobody hears of the change", async () => {
  const { streams, told } = await start();
  subscription.want(wanted(1));
  await vi.waitFor(() => expect(told).toEqual(["connecting", "open"]));
  subscription.want(wanted(1));
  expect(streams).toHaveLength(1);
  const gone = new Promise((resolve) => streams[0]!.on("close", resolve));
  subscription.want(wanted(2));
  streams[0]!.write(delimited({ heartbeat: { time: 1 } }));
  await gone;
  streams[1]!.write(delimited({ heartbeat: { time: 2 } }));
  await vi.waitFor(() => expect(told.at(-1)).toBe("event of layers 2"));
  expect(told.filter((each) => !each.startsWith("event"))).toEqual(["connecting", "open", "open"]);
});

test("who changes their mind before the new stream is open stays with the old one", async () => {
  const { streams, told } = await start();
  subscription.want(wanted(1));
  await vi.waitFor(() => expect(told).toContain("open"));
  subscription.want(wanted(2));
  subscription.want(wanted(1));
  streams[0]!.write(delimited({ heartbeat: { time: 1 } }));
  await vi.waitFor(() => expect(told).toEqual(["connecting", "open", "event of layers 1"]));
});

test("a new stream that is refused leaves none, is tried again, and says that events were missed", async () => {
  let refusing = true;
  const { told } = await start((url) => refusing && url.includes("layers=2"));
  subscription.want(wanted(1));
  await vi.waitFor(() => expect(told).toContain("open"));
  subscription.want(wanted(2));
  await vi.waitFor(() => expect(told.at(-1)).toMatch(/^waiting/));
  refusing = false;
  await vi.waitFor(() => expect(told.at(-1)).toBe("open, missed some"), { timeout: 5000 });
});
