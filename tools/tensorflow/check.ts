// Runs an operation on a compiled addon in a process of its own, so that a crash becomes a message.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { CommandFailed, runCommand } from "./command.ts";
import { TensorflowUnavailable } from "./outcome.ts";

export interface AddonAnswer {
  /** Version of the TensorFlow that the addon loaded. */
  version: string;
  /** Number of the set of fused operations in it; absent when it has none. */
  customOps?: number;
}

// Takes the parts of tfjs-node-gpu that do not load the addon at its usual place.
const RUN_AN_OPERATION = `
const [addon, tfjsNode] = process.argv.slice(1);
const require_ = require("node:module").createRequire(tfjsNode + "/package.json");
const tf = require_("@tensorflow/tfjs");
require_("./dist/register_all_kernels");
const { NodeJSKernelBackend } = require_("./dist/nodejs_kernel_backend");
const binding = require(addon);
tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node"));
if (!tf.setBackend("tensorflow")) throw new Error("the backend does not start");
const size = 64, a = Float32Array.from({ length: size * size }, (_, i) => (i * 7) % 11), b = a.map((x) => x - 5);
const product = tf.matMul(tf.tensor2d(a, [size, size]), tf.tensor2d(b, [size, size])).dataSync();
for (let i = 0; i < size * size; i++) {
  let expected = 0;
  for (let k = 0; k < size; k++) expected += a[i - (i % size) + k] * b[k * size + (i % size)];
  if (product[i] !== expected) throw new Error("a matrix product is wrong: " + product[i] + " instead of " + expected);
}
let customOps;
try {
  customOps = tf.backend().executeSingleOutput("MoescopeVersion", [], []).dataSync()[0];
} catch {} // not registered: an addon without them
console.log(JSON.stringify({ version: binding.TF_Version, customOps }));
`;

/**
 * Loads `addon` and multiplies two matrices with it.
 *
 * @param tfjsNode folder of the package `@tensorflow/tfjs-node-gpu`
 * @throws TensorflowUnavailable when it does not load, crashes, or answers wrongly
 */
export async function checkAddon(addon: string, tfjsNode: string, signal?: AbortSignal): Promise<AddonAnswer> {
  try {
    const env = { TF_CPP_MIN_LOG_LEVEL: "2" };
    const args = ["--import", compatibilityModule(), "-e", RUN_AN_OPERATION, addon, tfjsNode];
    const answer = await runCommand(process.execPath, args, { signal, env });
    return JSON.parse(answer) as AddonAnswer;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new TensorflowUnavailable(
      `its compiled addon does not work here (${error.reason})`,
      "Please report this with the output of `npx moescope doctor`.",
    );
  }
}

/** URL of what puts back the functions that tfjs-node-gpu calls and newer Nodes removed. */
function compatibilityModule(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve("@moescope/trainer/node-compatibility")).href;
}
