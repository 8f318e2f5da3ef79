// What the compiler refuses; each line that is expected to be refused would otherwise fail the check of types.
import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { z } from "zod";
import { message, nothing, text } from "./answers.ts";
import { wholeNumber } from "./parameters.ts";
import { route } from "./route.ts";

const described = { method: "get", path: "/runs/{id}/steps/{step}", summary: "A step.", right: "read" } as const;

test("a description needs a handler, and says what it gets and answers", () => {
  const routes = [
    route({ ...described, answer: text }, ({ id, step }) => ({ text: `${id} ${step}` })),
    route({ ...described, answer: message(v1.RunList) }, () => ({ runs: [] })),
    route({ ...described, answer: nothing }, async () => {}),
    route({ ...described, parameters: z.strictObject({ at: wholeNumber() }), answer: text }, ({ query }) => ({
      text: query.at.toFixed(),
    })),
    // @ts-expect-error without a handler
    route({ ...described, answer: text }),
    // @ts-expect-error without a summary
    route({ ...described, summary: undefined, answer: text }, () => ({ text: "" })),
    // @ts-expect-error without saying who may ask
    route({ ...described, right: undefined, answer: text }, () => ({ text: "" })),
    // @ts-expect-error without saying what it answers
    route(described, () => ({ text: "" })),
    // @ts-expect-error another message than the one described
    route({ ...described, answer: message(v1.RunList) }, () => ({ alerts: [] })),
    // @ts-expect-error something where nothing is described
    route({ ...described, answer: nothing }, () => "done"),
    // @ts-expect-error a parameter that the path does not have
    route({ ...described, answer: text }, ({ rank }) => ({ text: rank })),
    // @ts-expect-error a parameter that is not declared
    route({ ...described, answer: text }, ({ query }) => ({ text: query.at })),
    route({ ...described, parameters: z.strictObject({ at: wholeNumber() }), answer: text }, ({ query }) => ({
      // @ts-expect-error a number, not the text that came
      text: query.at.trim(),
    })),
  ];
  for (const { description } of routes) expect(description.path).toBe(described.path);
});
