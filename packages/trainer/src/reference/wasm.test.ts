// Against PyTorch, on WebAssembly: the compositions that every machine without native TensorFlow trains with.
import { describe } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { formulaCases } from "./formulas.cases.ts";
import { huggingFaceCases } from "./hugging-face.cases.ts";
import { routingCases } from "./routing.cases.ts";
import { trainingCases } from "./training.cases.ts";

await openBackend("wasm");

describe("on wasm", () => {
  huggingFaceCases();
  formulaCases();
  routingCases();
  trainingCases();
});
