// A collector in a process of its own, for tests that kill it and benches that must not share its thread.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { CollectorOptions } from "@moescope/telemetry";

export interface CollectorProcess {
  /** host:port of the HTTP API, and of the gRPC service. */
  http: string;
  grpc: string;
  pid: number;
  /** SIGKILL, and nothing less. */
  kill(): Promise<void>;
}

/**
 * @param grpcPort 0 lets the system choose
 * @param more options of the collector, besides what tests need
 * @throws Error when the process ends before it listens; what it said is on stderr
 */
export async function startCollectorProcess(
  dataDirectory: string,
  grpcPort = 0,
  more: CollectorOptions = {},
): Promise<CollectorProcess> {
  const options = {
    dataDirectory,
    http: { port: 0 },
    grpc: { port: grpcPort },
    flushInterval: 5,
    storingShare: 1,
    logLevel: "error",
    ...more,
  };
  const script = `
    import { startCollector } from "@moescope/telemetry";
    const { httpAddress: http, grpcAddress: grpc } = await startCollector(${JSON.stringify(options)});
    console.log(JSON.stringify({ http, grpc }));
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const { http, grpc } = JSON.parse(await firstOutput(child));
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return { http, grpc, pid: child.pid!, kill };
}

async function firstOutput(child: ChildProcess): Promise<string> {
  const ready = new AbortController();
  const output = once(child.stdout!, "data", { signal: ready.signal });
  const end = once(child, "exit", { signal: ready.signal }).then(([code]) => {
    throw new Error(`the collector ended with ${code} before it listened`);
  });
  try {
    const [chunk] = await Promise.race([output, end]);
    return String(chunk);
  } finally {
    // The promise that lost the race is rejected; nobody waits for it any more.
    output.catch(() => {});
    end.catch(() => {});
    ready.abort();
  }
}
