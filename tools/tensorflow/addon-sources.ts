// What the addon is compiled from: tfjs-node-gpu's own sources and the fused operations of packages/trainer/native.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { Platform } from "./platform.ts";

/** Sources that share their headers and flags. */
export interface SourceSet {
  files: string[];
  flags: string[];
  /** Include folders beside TensorFlow's own. */
  include: string[];
  /** Digest of every file the set reads, and of its flags. */
  digest: string;
}

export interface AddonSources {
  /** tfjs-node-gpu's own. */
  plain: SourceSet;
  /** The fused operations; undefined when packages/trainer has none. */
  custom: SourceSet | undefined;
  /** Folder of the package `@tensorflow/tfjs-node-gpu`. */
  tfjsNode: string;
  /** Where tfjs-node-gpu looks for its addon. */
  place: string;
  /** A folder for what is built where the user's cache folder cannot be written. */
  fallbackCache: string;
}

const PLAIN_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-DNAPI_VERSION=8"];
// As TensorFlow itself was compiled where it matters for data that both sides touch. Hidden, so that TensorFlow cannot bind to
// our copies of its inline functions, which may use wider instructions than its own.
const CUSTOM_FLAGS = [
  ...["-std=c++17", "-O3", "-fPIC", "-w", "-DNDEBUG", "-fvisibility=hidden"],
  ...["-D_GLIBCXX_USE_CXX11_ABI=1", "-DEIGEN_MAX_ALIGN_BYTES=64"],
];

/**
 * Reads the sources that the installed packages hold.
 *
 * @param customOps folder of the fused operations, `native/` of packages/trainer when absent
 */
export function readAddonSources(platform: Platform, customOps?: string): AddonSources {
  const modules = nodeModules();
  const trainer = join(modules, "@moescope", "trainer");
  const { resolve } = createRequire(join(trainer, "package.json"));
  const tfjsNode = dirname(resolve("@tensorflow/tfjs-node-gpu/package.json"));
  const napi = join(dirname(resolve("node-api-headers/package.json")), "include");
  const native = customOps ?? join(trainer, "native");
  return {
    plain: sourceSet(join(tfjsNode, "binding"), PLAIN_FLAGS, [napi, tfjsNode]),
    custom: existsSync(native) ? sourceSet(native, [...CUSTOM_FLAGS, ...platform.instructionFlags], []) : undefined,
    tfjsNode,
    place: join(tfjsNode, "lib", "napi-v8", "tfjs_binding.node"),
    fallbackCache: join(modules, ".cache", "moescope", "tensorflow"),
  };
}

// Also right when this file runs from dist/.
function nodeModules(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "node_modules", "@moescope", "trainer"))) {
    if (dirname(folder) === folder) throw new Error(`@moescope/trainer is not installed above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
  return join(folder, "node_modules");
}

function sourceSet(folder: string, flags: string[], include: string[]): SourceSet {
  const names = readdirSync(folder)
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort();
  const digest = createHash("sha256").update(flags.join(" "));
  for (const name of names) digest.update(`\0${name}\0`).update(readFileSync(join(folder, name)));
  const files = names.filter((name) => name.endsWith(".cc")).map((name) => join(folder, name));
  return { files, flags, include, digest: digest.digest("hex") };
}

/** Digest of what one source compiles to: its own text, the headers beside it, and its flags. */
export function objectDigest(file: string, { flags }: SourceSet, tensorflowVersion: string): string {
  const folder = dirname(file);
  const headers = readdirSync(folder)
    .filter((name) => name.endsWith(".h"))
    .sort();
  const digest = createHash("sha256").update(`${tensorflowVersion}\0${flags.join(" ")}\0${basename(file)}`);
  for (const name of [basename(file), ...headers])
    digest.update(`\0${name}\0`).update(readFileSync(join(folder, name)));
  return digest.digest("hex").slice(0, 24);
}
