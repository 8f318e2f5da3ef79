import fc from "fast-check";
import { expect, test } from "vitest";
import { Stages } from "./stages.ts";

test("what has started is stopped in reverse with what it started, whichever stage fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean()), fc.nat(), async (kinds, failing) => {
      const done: string[] = [];
      const stages = new Stages();
      for (const [index, stops] of kinds.entries()) {
        const start = async () => {
          if (index === failing) throw new Error(`stage ${index} fails`);
          done.push(`start ${index}`);
          return index;
        };
        const started = stages.start({
          ...{ name: `stage ${index}`, start },
          ...(stops && { stop: (what: number) => void done.push(`stop ${what}`) }),
        });
        if (index !== failing) expect(await started).toBe(index);
        else await expect(started).rejects.toThrow(`stage ${index} fails`);
        if (index === failing) break;
      }
      await stages.stop();
      const begun = kinds.slice(0, failing).map((_, index) => index);
      const ended = begun.filter((index) => kinds[index]).reverse();
      expect(done).toEqual([...begun.map((index) => `start ${index}`), ...ended.map((index) => `stop ${index}`)]);
    }),
  );
});
