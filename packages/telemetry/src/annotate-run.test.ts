// What people write on a run is seen by all of them, at once and after a restart, and goes with the run.
import { PROTOCOL_VERSION, type v1 } from "@moescope/proto";
import { expect, it } from "vitest";
import type { Collector } from "./index.ts";
import { getSummary, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { TestViewer } from "./testing/viewer.ts";

const run = describedRun("r");
const written = { name: "baseline", tags: ["paper", "seed 0"], notes: "layer 3 collapses at 400 ∎" };

async function sendRun(collector: Collector): Promise<void> {
  const sender = await TestSender.connect(collector.grpcAddress, run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  sender.close();
  await sender.status;
}

function write(collector: Collector, body: unknown, id = "r"): Promise<Response> {
  return fetch(`http://${collector.httpAddress}/api/v1/runs/${id}/annotation`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", Connection: "close" },
    body: JSON.stringify(body),
  });
}

const annotationOf = ({ annotation }: v1.RunSummary) => (annotation ? { ...annotation } : undefined);

it("reaches whoever is watching, and the newest counts, after a restart too", async () => {
  const first = await testCollector();
  await sendRun(first);
  expect(annotationOf(await getSummary(first, "r"))).toBeUndefined();
  const viewer = await TestViewer.open(first);
  expect((await write(first, { notes: "look at this" })).status).toBe(204);
  expect(await viewer.find(({ run }) => run?.annotation?.notes)).toBe("look at this");
  expect((await write(first, written)).status).toBe(204);
  expect(await viewer.find(({ run }) => run?.annotation?.name)).toBe("baseline");
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  expect(annotationOf(await getSummary(second, "r"))).toEqual(written);
});

it("is deleted with the run", async () => {
  const collector = await testCollector();
  await sendRun(collector);
  await write(collector, written);
  const deletion = await fetch(`http://${collector.httpAddress}/api/v1/runs/r`, { method: "DELETE" });
  expect(deletion.status).toBe(204);
  await sendRun(collector);
  expect(annotationOf(await getSummary(collector, "r"))).toBeUndefined();
});

it("is refused when there is no such run, and when it is none", async () => {
  const collector = await testCollector();
  await sendRun(collector);
  expect((await write(collector, written, "unknown")).status).toBe(404);
  for (const [body, why] of [
    [{ name: "n".repeat(201) }, /: name: .*200/],
    [{ tags: [""] }, /: tags\.0: /],
    [{ colour: 3 }, /the body is not \{\\"name\\"/],
  ] as const) {
    const answer = await write(collector, body);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(why);
  }
  expect(annotationOf(await getSummary(collector, "r"))).toBeUndefined();
});

it("comes with a restored run, and does not take the place of what is written on it already", async () => {
  const collector = await testCollector();
  const introduce = async (annotation: v1.Annotation.$Properties) => {
    const sender = new TestSender(collector.grpcAddress);
    sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, annotation } });
    await sender.until(() => sender.answers.length > 0);
    sender.close();
    return sender.answers[0]!;
  };
  const refused = await introduce({ ...written, tags: [""] });
  expect(refused.rejection?.message).toBe('annotation: tag "" has 0 characters, expected 1 to 100');
  await introduce(written);
  expect(annotationOf(await getSummary(collector, "r"))).toEqual(written);
  await introduce({ name: "another" });
  expect(annotationOf(await getSummary(collector, "r"))).toEqual(written);
});
