import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { openBackend } from "./backends.ts";

const hasTensorflow = (await openBackend()).name === "tensorflow";

/** What makes any Node's `util` like that of others. */
const NODES = {
  "20": `util.isArray = Array.isArray; util.isNullOrUndefined = (value) => value == null;`,
  "22": `util.isArray = deprecated(Array.isArray); util.isNullOrUndefined = deprecated((value) => value == null);`,
  "23 to 26": `util.isArray = deprecated(Array.isArray); delete util.isNullOrUndefined;`,
  "that lacks one": `delete util.isNullOrUndefined;`,
  "that lacks both": `delete util.isArray; delete util.isNullOrUndefined;`,
};

/** Runs `script` where `util` is that of `node`; returns what it printed, warnings of Node included. */
async function runOn(node: keyof typeof NODES, script: string): Promise<string> {
  const program = `
    import util from "node:util";
    process.on("warning", ({ message }) => console.log(message));
    const deprecated = (call) => util.deprecate(call, "is deprecated", "DEP0000");
    ${NODES[node]}
    ${script}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  return stdout;
}

const builtFile = (name: string) => JSON.stringify(new URL(`../../dist/runtime/${name}`, import.meta.url));

describe.each(Object.keys(NODES) as (keyof typeof NODES)[])("on Node %s", (node) => {
  test("both functions answer, without a warning", async () => {
    const printed = await runOn(
      node,
      `await import(${builtFile("node-compatibility.js")});
      for (const value of [null, undefined, 0, "", NaN, false, {}, { length: 0 }, new Float32Array(1), [], [null]])
        console.log([util.isNullOrUndefined(value), util.isArray(value)].map(Number).join(" "));`,
    );
    expect(printed).toBe(`${"1 0\n".repeat(2)}${"0 0\n".repeat(7)}${"0 1\n".repeat(2)}`);
  });

  // `oneHot` takes one tensor, `stack` a list, `topk` an option: tfjs-node-gpu asks `util` about each in another place.
  test.runIf(hasTensorflow)("TensorFlow computes, without a warning", async () => {
    const printed = await runOn(
      node,
      `const { tensorflowBackend } = await import(${builtFile("tensorflow.js")});
      const { tf } = await import(${builtFile("tf.js")});
      await tensorflowBackend().open();
      const rows = tf.stack([tf.oneHot(tf.tensor1d([1], "int32"), 3), tf.zeros([1, 3], "int32")]);
      console.log(String(tf.topk(rows, 1).values.dataSync()));`,
    );
    expect(printed).toBe("1,0\n");
  });
});

test("a Node that has both keeps its own", async () => {
  const printed = await runOn(
    "20",
    `const own = util.isNullOrUndefined;
    await import(${builtFile("node-compatibility.js")});
    console.log(String(util.isNullOrUndefined === own));`,
  );
  expect(printed).toBe("true\n");
});
