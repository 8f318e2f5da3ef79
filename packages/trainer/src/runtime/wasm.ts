// tfjs compiled to WebAssembly: one thread, 128-bit vectors, works wherever Node does.
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type * as tfjsWasm from "@tensorflow/tfjs-backend-wasm";
import { type Backend, BackendUnavailable } from "./backend.ts";
import { tf } from "./tf.ts";

const require = createRequire(import.meta.url);
const PACKAGE = "@tensorflow/tfjs-backend-wasm";

/** @param folder where the .wasm files are */
export function wasmBackend(folder = dirname(require.resolve(PACKAGE))): Backend {
  return {
    name: "wasm",
    cost: "matrix products take about 10 times as long as on native TensorFlow with two threads",
    async open() {
      const { setWasmPaths, version_wasm } = require(PACKAGE) as typeof tfjsWasm;
      setWasmPaths(folder + sep);
      const opened = await tf.setBackend("wasm");
      if (!opened) throw new BackendUnavailable(`WebAssembly does not start from ${folder}`, "Run `npm ci` again.");
      const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
      return `WebAssembly of tfjs ${version_wasm}, 1 thread${simd ? ", SIMD" : ""}`;
    },
  };
}
