// Against PyTorch, on the backend that training takes here.
import { describe } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { biasUpdateCases, formulaCases } from "./formulas.cases.ts";
import { huggingFaceCases } from "./hugging-face.cases.ts";
import { routingCases } from "./routing.cases.ts";
import { trainingCases } from "./training.cases.ts";

const { name } = await openBackend();

describe(`on ${name}`, () => {
  huggingFaceCases();
  formulaCases();
  routingCases();
  trainingCases();
  biasUpdateCases();
});
