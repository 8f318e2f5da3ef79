// tfjs in plain JavaScript: the last resort, and the reference that the others are compared with.
import { createRequire } from "node:module";
import type * as tfjsCpu from "@tensorflow/tfjs-backend-cpu";
import { type Backend, BackendUnavailable } from "./backend.ts";
import { tf } from "./tf.ts";

const require = createRequire(import.meta.url);

export function cpuBackend(): Backend {
  return {
    name: "cpu",
    cost: "matrix products take more than 300 times as long as on native TensorFlow with two threads",
    async open() {
      const { version_cpu } = require("@tensorflow/tfjs-backend-cpu") as typeof tfjsCpu;
      tf.env().set("PROD", true); // or it prints an advertisement for tfjs-node
      const opened = await tf.setBackend("cpu");
      if (!opened) throw new BackendUnavailable("tfjs's JavaScript backend does not start", "Run `npm ci` again.");
      return `JavaScript of tfjs ${version_cpu}, 1 thread`;
    },
  };
}
