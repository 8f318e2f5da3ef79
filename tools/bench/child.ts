// Runs one measurement in a process of its own and reads the JSON line it ends with.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { processEnvironment } from "@moescope/trainer";

/** @throws Error with the end of what the process wrote to stderr, when it fails or prints no result */
export async function measureInChild<Result>(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<Result> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("close", resolve).once("error", reject),
  );
  const line = (await output).trim().split("\n").at(-1) ?? "";
  if (code !== 0 || !line.startsWith("{")) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${code}: ${(await errors).trim().split("\n").slice(-3).join(" ")}`,
    );
  }
  return JSON.parse(line) as Result;
}

/** Runs a bench worker of this folder the way a training process is run. */
export function measureInWorker<Result>(name: string, ...args: string[]): Promise<Result> {
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return measureInChild(process.execPath, [script, ...args], { ...process.env, ...processEnvironment() });
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}
