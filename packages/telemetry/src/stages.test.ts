import fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import { Stages } from "./stages.ts";

/** How a stage stops: it has nothing to stop, is done at once or a little later, fails, or never is done. */
const KINDS = ["nothing", "at once", "later", "fails", "never"] as const;

test("what has started is stopped in reverse with what it started, whatever fails, and never waited for too long", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...KINDS)), fc.nat(12), async (kinds, failing) => {
      const done: string[] = [];
      const lines: { stage: string; msg: string }[] = [];
      const stages = new Stages(pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }));
      for (const [index, kind] of kinds.entries()) {
        const started = stages.start(stageOf(kind, index, index === failing, done));
        if (index !== failing) expect(await started).toBe(index);
        else await expect(started).rejects.toThrow(`${index} does not start`);
        if (index === failing) break;
      }
      await stages.stop();
      const begun = kinds.slice(0, failing);
      const ended = [...begun.entries()].reverse();
      expect(done).toEqual([
        ...begun.map((_, index) => `start ${index}`),
        ...ended.filter(([, kind]) => kind !== "nothing").map(([index]) => `stop ${index}`),
      ]);
      expect(lines.map(({ stage, msg }) => `${stage}: ${msg}`)).toEqual(
        ended.flatMap(([index, kind]) => (kind in SAID ? [`stage ${index}: ${SAID[kind as keyof typeof SAID]}`] : [])),
      );
    }),
    { numRuns: 30 },
  );
});

const SAID = {
  fails: "a part of the collector failed to stop",
  never: "a part of the collector takes too long to stop; left to itself",
};

function stageOf(kind: (typeof KINDS)[number], index: number, fails: boolean, done: string[]) {
  const start = async () => {
    if (fails) throw new Error(`${index} does not start`);
    done.push(`start ${index}`);
    return index;
  };
  const stop = (what: number): Promise<void> | void => {
    done.push(`stop ${what}`);
    if (kind === "later") return new Promise((resolve) => setImmediate(resolve));
    if (kind === "fails") return Promise.reject(new Error("fails to stop"));
    if (kind === "never") return new Promise(() => {});
  };
  return { name: `stage ${index}`, start, ...(kind !== "nothing" && { stop }) };
}
