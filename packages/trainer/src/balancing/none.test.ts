import { describe } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();
describe("none", () => strategyCases("none", { improves: false }));
