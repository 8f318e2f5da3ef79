import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { backends, openBackend, openFirst } from "./backends.ts";
import { cpuBackend } from "./cpu.ts";
import { matrixProductGigaflops, probeBackends } from "./probe.ts";
import { tensorflowBackend } from "./tensorflow.ts";
import { type Scalar, type Tensor, type Tensor2D, tf } from "./tf.ts";
import { wasmBackend } from "./wasm.ts";

const works = Object.fromEntries((await probeBackends()).map((probe) => [probe.name, probe.works]));

/** A two-layer network's loss and the gradients of its weights, from fixed numbers. */
function lossAndGradients(): Float32Array[] {
  return tf.tidy(() => {
    const values = (rows: number, columns: number, seed: number) =>
      tf.tensor2d(
        Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 1.7)),
        [rows, columns],
      );
    const x = values(6, 5, 1);
    const targets = values(6, 3, 2);
    const loss = (first: Tensor, second: Tensor) => {
      const hidden = tf.matMul(x, first as Tensor2D);
      const out = tf.matMul(tf.mul(hidden, tf.sigmoid(hidden)), second as Tensor2D);
      return tf.mean(tf.square(tf.sub(tf.softmax(out), targets))) as Scalar;
    };
    const { value, grads } = tf.valueAndGrads(loss)([values(5, 4, 3), values(4, 3, 4)]);
    return [value, ...grads].map((tensor) => Float32Array.from(tensor.dataSync()));
  });
}

describe.each(backends.map(({ name }) => name))("%s", (name) => {
  test.runIf(works[name])("computes what plain JavaScript computes, gradients included", async () => {
    await openBackend("cpu");
    const expected = lossAndGradients();
    const { name: opened, device, notice } = await openBackend(name);
    expect(opened).toBe(name);
    expect(tf.getBackend()).toBe(name);
    expect(device).not.toBe("");
    expect(notice).toBeUndefined();
    lossAndGradients().forEach((values, i) => {
      expect(values).toHaveLength(expected[i]!.length);
      for (const [at, value] of values.entries()) expect(value).toBeCloseTo(expected[i]![at]!, 5);
    });
  });

  test.runIf(works[name])("leaves no tensor behind when it is measured", async () => {
    await openBackend(name);
    const before = tf.memory().numTensors;
    expect(matrixProductGigaflops()).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("what does not work", () => {
  test("a missing addon leads to the next backend, with a line that says why and how to mend it", async () => {
    const opened = await openFirst([tensorflowBackend("/nowhere/tfjs_binding.node"), wasmBackend(), cpuBackend()]);
    expect(opened.name).toBe("wasm");
    expect(opened.notice).toMatch(
      /^backend wasm \(not tensorflow: TensorFlow is not linked\): .*10 times as long.* Run `npx nx link/,
    );
  });

  test("an addon that is damaged leads to the next backend too", async () => {
    const addon = join(mkdtempSync(join(tmpdir(), "moescope-")), "tfjs_binding.node");
    writeFileSync(addon, "not a library");
    const opened = await openFirst([tensorflowBackend(addon), cpuBackend()]);
    expect(opened.name).toBe("cpu");
    expect(opened.notice).toContain("TensorFlow's addon does not load");
  });

  test("when nothing works, every reason is told", async () => {
    await expect(
      openFirst([tensorflowBackend("/nowhere/a.node"), tensorflowBackend("/nowhere/b.node")]),
    ).rejects.toThrow(/no backend works here\ntensorflow: .*\ntensorflow: /);
  });

  test("an unknown name is answered with the nearest and all allowed ones", async () => {
    await expect(openBackend("tensorflwo")).rejects.toThrow(
      'unknown backend "tensorflwo", did you mean tensorflow? Allowed: tensorflow, wasm, cpu',
    );
  });
});

test("probing reports each backend and gives back the one that was active", async () => {
  await openBackend("cpu");
  const probes = await probeBackends([tensorflowBackend("/nowhere/tfjs_binding.node"), wasmBackend(), cpuBackend()]);
  expect(probes.map(({ name, works }) => [name, works])).toEqual([
    ["tensorflow", false],
    ["wasm", true],
    ["cpu", true],
  ]);
  expect(tf.getBackend()).toBe("cpu");
});
