// What training and collecting need of this machine, each tried for real.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { arch, availableParallelism, cpus, freemem, platform, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { ensureTensorflow, findCompiler, findPython, TensorflowUnavailable } from "@moescope/tools/tensorflow";
import { openCollector } from "../collecting/open-collector.ts";
import { Failure } from "../failure.ts";
import { bytes } from "../terminal/numbers.ts";

export interface Check {
  what: string;
  fine: boolean;
  detail: string;
}

/** Bytes that the demo's runs and its collector need together. */
const memoryNeeded = 2e9;

const instructionSets = ["avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"];

export function checkPython(): Promise<Check> {
  return found("Python, pip", async () => (await findPython()).pip.join(" "));
}

export function checkCompiler(): Promise<Check> {
  return found("C++ compiler", findCompiler);
}

/** Only where the backend works, because then nothing has to be fetched or built to ask. */
export async function checkTensorflow(): Promise<Check> {
  const outcome = await ensureTensorflow({ offline: true });
  if (!outcome.linked) return { what: "TensorFlow", fine: false, detail: `${outcome.missing}. ${outcome.remedy}` };
  const { customOps, version, binding } = outcome;
  const fused = customOps.built ? `fused operations (${customOps.instructions})` : `none fused: ${customOps.reason}`;
  return { what: "TensorFlow", fine: true, detail: `${version}, ${fused}, ${binding}` };
}

export async function checkStore(): Promise<Check> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "moescope-doctor-"));
  const started = performance.now();
  try {
    const collector = await openCollector({ dataDirectory, http: { port: 0 }, grpc: { port: 0 }, logLevel: "silent" });
    await collector.stop();
    return { what: "Store", fine: true, detail: `opens and closes in ${Math.round(performance.now() - started)} ms` };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { what: "Store", fine: false, detail: error.message };
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

export async function checkPort(port: number): Promise<Check> {
  const fine = await isFree(port);
  return { what: `Port ${port}`, fine, detail: fine ? "free" : "taken; the next free one is used" };
}

export function checkMemory(): Check {
  const fine = freemem() >= memoryNeeded;
  return { what: "Memory", fine, detail: `${bytes(freemem())} free of ${bytes(totalmem())}` };
}

export function describeProcessor(): Check {
  const model = cpus()[0]?.model.trim() ?? arch();
  const sets = instructionsOfLinux().join(" ");
  return {
    what: "Processor",
    fine: true,
    detail: [`${model}, ${availableParallelism()} threads`, sets].join(" ").trim(),
  };
}

export function describeNode(): Check {
  return { what: "Node", fine: true, detail: `${process.version} on ${platform()} ${arch()}` };
}

async function found(what: string, find: () => Promise<string>): Promise<Check> {
  try {
    return { what, fine: true, detail: await find() };
  } catch (error) {
    if (!(error instanceof TensorflowUnavailable)) throw error;
    return { what, fine: false, detail: `${error.message}. ${error.remedy}` };
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function instructionsOfLinux(): string[] {
  if (platform() !== "linux") return [];
  const has = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
  return instructionSets.filter((set) => has.has(set));
}
