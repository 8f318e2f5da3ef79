import { expect, test } from "vitest";
import { processEnvironment } from "./process-environment.ts";

test("keeps large buffers with the process and silences advice", () => {
  expect(processEnvironment({})).toEqual({
    GLIBC_TUNABLES:
      "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456",
    TF_CPP_MIN_LOG_LEVEL: "2",
  });
});

test("what the user set stays", () => {
  const { GLIBC_TUNABLES, TF_CPP_MIN_LOG_LEVEL } = processEnvironment({
    GLIBC_TUNABLES: "glibc.malloc.hugetlb=0:glibc.cpu.x86_shstk=off",
    TF_CPP_MIN_LOG_LEVEL: "0",
  });
  expect(GLIBC_TUNABLES).toMatch(/hugetlb=0:glibc\.cpu\.x86_shstk=off$/);
  expect(GLIBC_TUNABLES).not.toContain("hugetlb=1");
  expect(GLIBC_TUNABLES).toContain("glibc.malloc.top_pad=268435456");
  expect(TF_CPP_MIN_LOG_LEVEL).toBe("0");
});
