import { expect, test } from "vitest";
import { platformOf } from "./platform.ts";

const linux = (arch: string, features = "") => ({ os: "linux", arch, cpuFeatures: new Set(features.split(" ")) });

test.each([
  ["fma avx avx2 avx512f avx512dq avx512vl avx512bw", "AVX-512", "-mavx512f"],
  ["fma avx avx2 avx512f", "AVX2", "-mavx2"],
  ["fma avx avx2", "AVX2", "-mfma"],
  ["avx", "baseline", undefined],
])("an x64 processor with %s compiles for %s", (features, instructions, flag) => {
  const platform = platformOf(linux("x64", features));
  expect(platform.tag).toBe("manylinux_2_27_x86_64");
  expect(platform.instructions).toBe(instructions);
  if (flag) expect(platform.instructionFlags).toContain(flag);
  else expect(platform.instructionFlags).toEqual([]);
});

test("arm64 has a wheel of another name", () => {
  expect(platformOf(linux("arm64"))).toMatchObject({ distribution: "tensorflow", tag: "manylinux_2_27_aarch64" });
});

test.each([
  [linux("x64", "sse2"), "no AVX"],
  [linux("riscv64"), "linux riscv64"],
  [{ os: "darwin", arch: "arm64", cpuFeatures: new Set<string>() }, "darwin arm64"],
  [{ os: "win32", arch: "x64", cpuFeatures: new Set<string>() }, "win32 x64"],
])("says what is missing on %o", (machine, missing) => {
  expect(() => platformOf(machine)).toThrow(missing);
});
