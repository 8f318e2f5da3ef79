import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CommandFailed, runCommand } from "./command.ts";

const run = (script: string, options = {}) => runCommand(process.execPath, ["-e", script], options);

test("resolves with the output and tells each line as it comes", async () => {
  const lines: string[] = [];
  expect(await run("console.log('a\\nb')", { onLine: (line: string) => lines.push(line) })).toBe("a\nb\n");
  expect(lines).toEqual(["a", "b"]);
});

test("a failure carries the line that tells most", async () => {
  const failure = await run(
    "console.error('warning: x\\nfile.cc:3: error: no such type\\nmore'); process.exit(3)",
  ).catch((e) => e);
  expect(failure).toBeInstanceOf(CommandFailed);
  expect(failure.message).toMatch(/exited with 3$/);
  expect(failure.reason).toBe("file.cc:3: error: no such type");
});

test("a crash names its signal", async () => {
  await expect(run("process.kill(process.pid, 'SIGILL')")).rejects.toThrow("was killed by SIGILL");
});

test("a program that is not there is told from one that fails", async () => {
  await expect(runCommand("moescope-no-such-program", [])).rejects.toMatchObject({ notFound: true });
});

test("giving up kills the children of the program too", async () => {
  const mark = join(await mkdtemp(join(tmpdir(), "moescope-")), "grandchild-ended");
  const stop = new AbortController();
  const grandchild = `process.on("SIGTERM", () => { require("fs").writeFileSync(${JSON.stringify(mark)}, ""); process.exit() }); setInterval(() => {}, 1000); console.log("up")`;
  const parent = `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(grandchild)}], { stdio: "inherit" })`;
  const running = run(parent, { signal: stop.signal, onLine: () => stop.abort(new Error("enough")) });
  await expect(running).rejects.toThrow("enough");
  expect(existsSync(mark)).toBe(true); // `close` comes after every holder of the pipe has ended
});
