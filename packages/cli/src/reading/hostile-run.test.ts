// Every text that a sender or a viewer can put on a run, as hostile as it gets: what `runs` and `show` print of it.
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { visible } from "../terminal/visible.ts";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import type { StoredRun } from "./find-run.ts";
import { configurationLines, readConfiguration, runFacts } from "./run-facts.ts";
import { runList } from "./run-list.ts";

const texts = fc.array(hostileText, { maxLength: 3 });
const description = fc.record({
  ...{ id: hostileText, name: hostileText, recipe: hostileText, strategy: hostileText, parent: hostileText },
  ...{ codeVersion: hostileText, categories: texts, tags: texts, startedAt: fc.double() },
  configJson: fc.oneof(
    hostileText,
    fc.dictionary(hostileText, hostileText).map((value) => JSON.stringify(value)),
  ),
});
const storedRun = fc
  .record({
    run: description,
    reason: hostileText,
    annotation: fc.option(fc.record({ name: hostileText, tags: texts, notes: hostileText }), { nil: undefined }),
  })
  .map((fields) => v1.RunSummary.fromObject(fields) as StoredRun);

it("a run is one line of the list, and nothing in it steers the terminal", () => {
  fc.assert(
    fc.property(fc.array(storedRun, { minLength: 1 }), (runs) => {
      const lines = runList(runs);
      expect(lines).toHaveLength(2 + runs.length);
      expect(lines.flatMap(unprintableIn)).toEqual([]);
    }),
  );
});

it("only notes have several lines, and none of them passes for a fact", () => {
  fc.assert(
    fc.property(storedRun, (stored) => {
      const lines = runFacts(stored, undefined).map(visible);
      const plain = { ...stored, annotation: { ...stored.annotation, notes: stored.annotation?.notes && "one" } };
      const noteLines = stored.annotation?.notes.split(/\r?\n/).length ?? 0;
      const others = runFacts(plain as StoredRun, undefined).length - (stored.annotation?.notes ? 1 : 0);
      expect(lines).toHaveLength(others + (stored.annotation?.notes ? noteLines : 0));
      for (const line of lines) expect(line).toMatch(/^(?=.{15})([A-Za-z]+ +| {15})/);
      expect(lines.flatMap(unprintableIn)).toEqual([]);
    }),
  );
});

it("a configuration is shown whatever text it is", () => {
  fc.assert(
    fc.property(fc.oneof(hostileText, fc.json()), (configJson) => {
      const configuration = readConfiguration(v1.RunDescription.create({ configJson }));
      if (configuration === undefined) expect(() => JSON.parse(configJson)).toThrow();
      else configurationLines(configuration);
    }),
  );
  expect(configurationLines({ model: { experts: 8, dense: [0, 1] }, none: null })).toEqual([
    ...["model.experts = 8", "model.dense.0 = 0", "model.dense.1 = 1", "none = null"],
  ]);
  expect([readConfiguration(v1.RunDescription.create()), configurationLines("text")]).toEqual([undefined, ["text"]]);
});
