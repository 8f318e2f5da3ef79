// A compiled addon in the cache, and whether it is still what it was when it was checked.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isIntact, type TensorflowLibrary } from "./library.ts";
import type { CustomOps } from "./outcome.ts";
import { readRecord } from "./record.ts";
import { isSystemError } from "./system-error.ts";

/** What a cache entry says of the addon in it. */
export interface AddonRecord {
  version: string;
  library: TensorflowLibrary;
  customOps: CustomOps;
  digest: string;
}

export function addonIn(entry: string): string {
  return join(entry, "tfjs_binding.node");
}

/** The record of a complete and undamaged entry. */
export function readyAddon(entry: string): AddonRecord | undefined {
  const record = readRecord<AddonRecord>(entry);
  return record && isIntact(record.library) && digestOf(addonIn(entry)) === record.digest ? record : undefined;
}

/** SHA-256 of a file, undefined where it cannot be read. */
export function digestOf(file: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
