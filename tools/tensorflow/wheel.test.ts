import { expect, test } from "vitest";
import { announcedSize } from "./wheel.ts";

test.each([
  ["  Downloading tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl (273.8 MB)", 273.8e6],
  ["Downloading tensorflow_cpu-2.21.0.whl.metadata (4.4 kB)", undefined],
  ["Saved ./tensorflow_cpu-2.21.0.whl", undefined],
])("%s", (line, bytes) => {
  expect(announcedSize(line)).toBe(bytes);
});
