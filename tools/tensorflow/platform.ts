// Whether TensorFlow exists for this machine, as which wheel, and which instructions the fused operations may use.
import { closeSync, openSync, readSync } from "node:fs";
import { TensorflowUnavailable } from "./outcome.ts";

export interface Platform {
  /** Name of the distribution on the Python index. */
  distribution: string;
  /** Platform tag of its wheel. */
  tag: string;
  instructions: "AVX-512" | "AVX2" | "baseline";
  instructionFlags: string[];
}

export interface Machine {
  os: string;
  arch: string;
  /** Feature names as in /proc/cpuinfo; empty where there are none. */
  cpuFeatures: Set<string>;
}

const NOTHING_TO_DO = "Nothing to mend: Linux with glibc on x64 (with AVX) or arm64 is needed.";

/** @throws TensorflowUnavailable when there is no TensorFlow for such a machine */
export function platformOf({ os, arch, cpuFeatures }: Machine): Platform {
  if (os !== "linux" || (arch !== "x64" && arch !== "arm64")) {
    throw new TensorflowUnavailable(`moescope cannot link it on ${os} ${arch}`, NOTHING_TO_DO);
  }
  if (arch === "arm64") {
    return {
      distribution: "tensorflow",
      tag: "manylinux_2_27_aarch64",
      instructions: "baseline",
      instructionFlags: [],
    };
  }
  if (!cpuFeatures.has("avx")) {
    throw new TensorflowUnavailable("this processor has no AVX instructions, which TensorFlow needs", NOTHING_TO_DO);
  }
  return { distribution: "tensorflow-cpu", tag: "manylinux_2_27_x86_64", ...instructionsOf(cpuFeatures) };
}

// `-march=native` would say the same, but Eigen does not compile with what gcc 12 makes of newer processors.
function instructionsOf(features: Set<string>): Pick<Platform, "instructions" | "instructionFlags"> {
  const has = (names: string[]) => names.every((name) => features.has(name));
  if (has(["avx512f", "avx512dq", "avx512vl", "avx512bw", "fma"])) {
    const instructionFlags = ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"];
    return { instructions: "AVX-512", instructionFlags };
  }
  if (has(["avx2", "fma"])) return { instructions: "AVX2", instructionFlags: ["-mavx2", "-mfma"] };
  return { instructions: "baseline", instructionFlags: [] };
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  const os = process.platform;
  return { os, arch: process.arch, cpuFeatures: os === "linux" ? cpuFeatures() : new Set() };
}

// The first processor's entry is enough, and a machine with hundreds of them would take milliseconds to print them all.
function cpuFeatures(): Set<string> {
  const start = Buffer.alloc(16_384);
  const file = openSync("/proc/cpuinfo", "r");
  try {
    const text = start.toString("latin1", 0, readSync(file, start));
    return new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(" "));
  } finally {
    closeSync(file);
  }
}

/** @throws TensorflowUnavailable when Node runs on another C library than glibc 2.27 or newer. Takes some 10 ms. */
export function requireGlibc(): void {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const version = report.header.glibcVersionRuntime;
  if (version === undefined)
    throw new TensorflowUnavailable("this Node runs on musl, TensorFlow needs glibc", NOTHING_TO_DO);
  const [major, minor] = version.split(".").map(Number);
  if (major! < 2 || (major === 2 && minor! < 27)) {
    throw new TensorflowUnavailable(`glibc is ${version}, TensorFlow needs 2.27 or newer`, NOTHING_TO_DO);
  }
}
