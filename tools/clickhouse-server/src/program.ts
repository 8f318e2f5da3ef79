// Builds `clickhouse local` from the library that chdb installs: once for each version of it, with the C compiler of this machine.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The library's own name for `clickhouse local` is a function that takes the command line. */
const SOURCE = `#include <stdio.h>

typedef struct chdb_result chdb_result;
chdb_result *chdb_query_cmdline(int argc, char **argv);
const char *chdb_result_error(chdb_result *result);

int main(int argc, char **argv) {
  const char *error = chdb_result_error(chdb_query_cmdline(argc, argv));
  if (error == NULL) return 0;
  fprintf(stderr, "%s\\n", error);
  return 1;
}
`;

/** @returns why there is no such server on this machine; undefined when there is one */
export function whyNoServer(): string | undefined {
  try {
    program();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

let compiled: string | undefined;

/**
 * @returns path of the program, compiled once for each version of the library
 * @throws Error when it cannot be compiled here
 */
export function program(): string {
  compiled ??= compile();
  return compiled;
}

function compile(): string {
  const library = libraryDirectory();
  const cache = join(import.meta.dirname, "../node_modules/.cache/clickhouse-server");
  const { version } = createRequire(import.meta.url)(join(library, "package.json")) as { version: string };
  const target = join(cache, `${version}-${process.arch}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const draft = `${target}.${process.pid}`;
  try {
    const link = ["-L", library, "-l:libchdb.so", `-Wl,-rpath,${library}`];
    execFileSync("cc", ["-O1", "-x", "c", "-", "-o", draft, ...link], { input: SOURCE, stdio: "pipe" });
  } catch (error) {
    throw new Error(`a ClickHouse server cannot be built here with cc: ${(error as Error).message}`, { cause: error });
  }
  renameSync(draft, target);
  return target;
}

function libraryDirectory(): string {
  const libc = process.platform === "linux" ? "-gnu" : "";
  const name = `@chdb/lib-${process.platform}-${process.arch}${libc}`;
  return dirname(createRequire(createRequire(import.meta.url).resolve("chdb")).resolve(`${name}/package.json`));
}
