// Native TensorFlow, through the addon of tfjs-node-gpu that `@moescope/tools` compiles and links.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { type Backend, BackendUnavailable } from "./backend.ts";
import { tf } from "./tf.ts";

const require = createRequire(import.meta.url);

const LINK_IT = "Run `npx nx link @moescope/tools`, which says what it lacks.";

/** @param addon the compiled addon; tfjs-node-gpu itself requires the one at the default place */
export function tensorflowBackend(addon = addonOfTfjsNode()): Backend {
  return {
    name: "tensorflow",
    cost: "the fastest there is",
    async open() {
      if (!existsSync(addon)) throw new BackendUnavailable("TensorFlow is not linked", LINK_IT);
      load(addon);
      await tf.setBackend("tensorflow");
      const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
      return `TensorFlow ${binding.TF_Version}, ${availableParallelism()} threads${vectorInstructions()}`;
    },
  };
}

function addonOfTfjsNode(): string {
  return join(
    dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")),
    "lib",
    "napi-v8",
    "tfjs_binding.node",
  );
}

function load(addon: string): void {
  try {
    require(addon);
    require("@tensorflow/tfjs-node-gpu");
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new BackendUnavailable(
      `TensorFlow's addon does not load (${reason})`,
      `${LINK_IT} With \`-- --rebuild\` it starts afresh.`,
    );
  }
}

function vectorInstructions(): string {
  if (process.platform !== "linux") return "";
  const features = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
  const best = [
    ["avx512f", "AVX-512"],
    ["avx2", "AVX2"],
    ["avx", "AVX"],
  ].find(([feature]) => features.has(feature!));
  return best ? `, ${best[1]}` : "";
}
