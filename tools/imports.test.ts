// Keeps the table of allowed imports between packages true (README, "Where to change what").
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { globSync } from "tinyglobby";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

const ALL = ["proto", "metrics", "trainer", "telemetry", "dashboard", "cli", "tools", "clickhouse-server"];
/** What each package may import of the others. */
const ALLOWED: Record<string, string[]> = {
  proto: [],
  metrics: ["proto"],
  trainer: ["proto", "metrics"],
  telemetry: ["proto", "metrics"],
  dashboard: ["proto", "metrics"],
  cli: ALL,
  tools: ALL,
  "clickhouse-server": [],
};
/** What the tests of a package may import besides. */
const ALLOWED_IN_TESTS: Record<string, string[]> = { telemetry: ["clickhouse-server"] };

/** Inside a package: folders (or files) of the first may not import those of the second. */
const FORBIDDEN_INSIDE: [importer: string, imported: string][] = [
  ["packages/telemetry/src/ingest/", "packages/telemetry/src/api/"],
  ["packages/telemetry/src/api/", "packages/telemetry/src/ingest/"],
  ["packages/trainer/src/ops/", "packages/trainer/src/model/"],
  ["packages/trainer/src/ops/", "packages/trainer/src/balancing/"],
  ["packages/trainer/src/moe/", "packages/trainer/src/model/"],
  ["packages/trainer/src/balancing/", "packages/trainer/src/model/"],
  ...["balancing", "data", "model", "moe", "ops", "optimizer", "recipe", "reporting", "runtime"].map(
    (room): [string, string] => [`packages/trainer/src/${room}/`, "packages/trainer/src/training/"],
  ),
  ...["data", "moe", "ops", "optimizer", "reporting", "runtime"].map((room): [string, string] => [
    `packages/trainer/src/${room}/`,
    "packages/trainer/src/recipe/",
  ]),
];

interface Import {
  from: string;
  to: string;
}

/** Every static import, re-export and dynamic import of a literal, paths relative to the root where they are relative. */
function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), "utf8");
  const specifiers = source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g);
  return [...specifiers].map(([, specifier]) => {
    const to = specifier!.startsWith(".") ? relative(root, join(root, dirname(file), specifier!)) : specifier!;
    return { from: file, to };
  });
}

const sources = globSync(["packages/*/src/**/*.{ts,tsx}", "tools/**/*.ts"], {
  cwd: root,
  ignore: ["**/dist/**", "**/node_modules/**", "tools/imports.test.ts"],
});
const imports = sources.flatMap(importsOf);
/** Tests, and what only tests import. */
const isTest = (path: string) => /\.(test|fixture|cases)\.tsx?$|\/testing\//.test(path);
const packageOf = (path: string) =>
  /^(?:packages\/([^/]+)|(tools)(?:\/(clickhouse-server))?)\//.exec(path)?.slice(1).findLast(Boolean) ?? "";

test("sees the repository's imports", () => {
  expect(imports.length).toBeGreaterThan(200);
  expect(new Set(sources.map(packageOf))).toEqual(new Set(ALL));
});

test.each(Object.entries(ALLOWED))("%s imports only what it may", (name, allowed) => {
  const wrong = imports.filter(({ from, to }) => {
    if (packageOf(from) !== name) return false;
    const target = /^@moescope\/([^/]+)/.exec(to)?.[1] ?? packageOf(to);
    const allowedHere = isTest(from) ? [...allowed, ...(ALLOWED_IN_TESTS[name] ?? [])] : allowed;
    return target !== "" && target !== name && !allowedHere.includes(target);
  });
  expect(wrong).toEqual([]);
});

test("metrics takes only types from proto, so that what uses it need not load a decoder", () => {
  const values = /^(?:import|export)\s+(?!type\b)[^;]*from "@moescope\/proto"/m;
  const files = sources.filter((file) => packageOf(file) === "metrics");
  expect(files.filter((file) => values.test(readFileSync(join(root, file), "utf8")))).toEqual([]);
});

test("packages import each other by name, never by path", () => {
  const wrong = imports.filter(({ from, to }) => packageOf(to) !== "" && packageOf(to) !== packageOf(from));
  expect(wrong).toEqual([]);
});

describe("inside a package", () => {
  test.each(FORBIDDEN_INSIDE)("%s does not import %s", (importer, imported) => {
    const wrong = imports.filter(({ from, to }) => {
      return from.startsWith(importer) && to.startsWith(imported) && !isTest(from);
    });
    expect(wrong).toEqual([]);
  });

  test("no import runs in a circle", () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of imports) {
      if (isTest(from) || !to.startsWith("packages/")) continue;
      next.set(from, [...(next.get(from) ?? []), to]);
    }
    expect(findCircle(next)).toBeUndefined();
  });
});

function findCircle(next: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    done.add(file);
    for (const to of next.get(file) ?? []) {
      const circle = visit(to, [...path, file]);
      if (circle) return circle;
    }
    return undefined;
  };
  for (const file of next.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}
