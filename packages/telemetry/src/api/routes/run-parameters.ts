// Parameters that several routes of a run have.
import { z } from "zod";
import { wholeNumber } from "../parameters.ts";

export const layers = z
  .string()
  .regex(/^(none|all|\d{1,10}(,\d{1,10})*)$/, "must be none, all, or layer numbers like 0,3,5")
  .default("none")
  .transform((text) => (text === "none" || text === "all" ? text : [...new Set(text.split(",").map(Number))]));

export const attempt = wholeNumber(0, 0xffffffff)
  .optional()
  .describe("Steps of this attempt; without it, at every step those of the newest attempt that has got there.");
