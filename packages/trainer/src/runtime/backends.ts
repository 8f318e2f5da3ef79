// The backends in the order in which they are tried.
import { closest } from "fastest-levenshtein";
import { type Backend, BackendUnavailable } from "./backend.ts";
import { cpuBackend } from "./cpu.ts";
import { tensorflowBackend } from "./tensorflow.ts";
import { wasmBackend } from "./wasm.ts";

export const backends: readonly Backend[] = [tensorflowBackend(), wasmBackend(), cpuBackend()];

export interface OpenBackend {
  name: string;
  /** What computes, as in `TensorFlow 2.21.0, 2 threads, AVX-512`. */
  device: string;
  /** One line when it is not the first choice: what is missing, what that costs, how to mend it. */
  notice?: string;
}

/**
 * Opens the backend called `requested`, or the first that works.
 *
 * @throws Error when there is no such backend, when it does not work here, or when none does
 */
export async function openBackend(requested?: string): Promise<OpenBackend> {
  return requested === undefined ? openFirst(backends) : openNamed(requested);
}

async function openNamed(name: string): Promise<OpenBackend> {
  const backend = backends.find((candidate) => candidate.name === name);
  if (!backend) throw new Error(unknownName(name));
  try {
    return { name, device: await backend.open() };
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    throw new Error(`backend ${name} does not work here: ${error.message}. ${error.remedy}`, { cause: error });
  }
}

function unknownName(name: string): string {
  const names = backends.map((backend) => backend.name);
  return `unknown backend "${name}", did you mean ${closest(name, names)}? Allowed: ${names.join(", ")}`;
}

/** Opens the first of `candidates` that works; the notice tells of those that did not. */
export async function openFirst(candidates: readonly Backend[]): Promise<OpenBackend> {
  const failures: { name: string; error: BackendUnavailable }[] = [];
  for (const { name, cost, open } of candidates) {
    try {
      const device = await open();
      return { name, device, ...(failures.length > 0 && { notice: notice(name, cost, failures) }) };
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) throw error;
      failures.push({ name, error });
    }
  }
  const reasons = failures.map(({ name, error }) => `${name}: ${error.message}. ${error.remedy}`);
  throw new Error(`no backend works here\n${reasons.join("\n")}`);
}

function notice(name: string, cost: string, failures: { name: string; error: BackendUnavailable }[]): string {
  const reasons = failures.map((failure) => `not ${failure.name}: ${failure.error.message}`).join(", ");
  return `backend ${name} (${reasons}): ${cost}. ${failures[0]!.error.remedy}`;
}
