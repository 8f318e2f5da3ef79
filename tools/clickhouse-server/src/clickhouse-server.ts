// A real ClickHouse server, or a cluster of them, on free loopback ports, to be asked, killed and started again in tests and benches.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuration, type Ports, users } from "./configuration.ts";
import { program } from "./program.ts";

/** The file that a server writes once it listens. */
const LISTENING = "listening";

export class ClickHouseServer {
  readonly #directory: string;
  readonly #ports: Ports;
  #child: ChildProcess | undefined;
  /** Whether it should be running. */
  #wanted = false;
  #log = "";

  private constructor(directory: string, ports: Ports) {
    this.#directory = directory;
    this.#ports = ports;
  }

  static async start(): Promise<ClickHouseServer> {
    const [server] = await ClickHouseServer.startCluster(1);
    return server!;
  }

  /** Each server is a shard of the cluster `TEST_CLUSTER`. */
  static async startCluster(shards: number): Promise<ClickHouseServer[]> {
    const ports = await freePorts(shards);
    const servers = ports.map((own) => {
      const directory = mkdtempSync(join(tmpdir(), "moescope-clickhouse-"));
      writeFileSync(join(directory, "config.xml"), configuration(directory, ports));
      writeFileSync(join(directory, "users.xml"), users());
      return new ClickHouseServer(directory, own);
    });
    await Promise.all(servers.map((server) => server.start()));
    return servers;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** What it takes on the disk is here. */
  get directory(): string {
    return this.#directory;
  }

  /**
   * Starts it, again after `kill`, with what it had stored. Resolves when it listens.
   *
   * Should it end by itself it is started again, as a service manager would: where another shard is killed in mid-word, nothing in
   * `clickhouse local` catches the exception of the lost connection.
   */
  async start(): Promise<void> {
    this.#wanted = true;
    rmSync(join(this.#directory, LISTENING), { force: true });
    const listening = appearance(this.#directory, LISTENING);
    const child = spawn(program(), this.#arguments(), { cwd: this.#directory, stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    // Should this process end without stopping it.
    process.once("exit", () => void child.kill("SIGKILL"));
    child.stderr.on("data", (text) => {
      this.#log = (this.#log + text).slice(-10_000);
    });
    const failed = once(child, "exit").then(() => false);
    const started = await Promise.race([listening.appeared, failed]);
    listening.stop();
    if (!started && this.#wanted) throw new Error(`ClickHouse did not start:\n${this.#log}`);
    if (child.exitCode === null && child.signalCode === null) child.once("exit", () => this.#restart());
    else this.#restart();
  }

  #restart(): void {
    if (!this.#wanted) return;
    console.warn(`ClickHouse at ${this.url} has ended by itself (${this.#child!.signalCode}) and is started again`);
    void this.start();
  }

  async kill(): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Ends it, with all that it holds. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #arguments(): string[] {
    const { http, tcp } = this.#ports;
    const listen = `SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT 1 INTO OUTFILE '${LISTENING}';`;
    const last = "SELECT sleepEachRow(1) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1";
    const files = ["--path", join(this.#directory, "data"), "--config-file", join(this.#directory, "config.xml")];
    return [...files, "--http_port", `${http}`, "--tcp_port", `${tcp}`, "--query", listen + last];
  }
}

function appearance(directory: string, file: string): { appeared: Promise<true>; stop: () => void } {
  const watcher = watch(directory);
  const appeared = new Promise<true>((resolve) => {
    watcher.on("change", (_, name) => name === file && resolve(true));
  });
  return { appeared, stop: () => watcher.close() };
}

/** Ports that were free a moment ago. */
async function freePorts(servers: number): Promise<Ports[]> {
  const held = await Promise.all(
    Array.from({ length: 2 * servers }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return Array.from({ length: servers }, (_, index) => ({ http: ports[2 * index]!, tcp: ports[2 * index + 1]! }));
}
