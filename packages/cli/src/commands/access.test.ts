// Commands at a collector that asks who comes, and what the token leaves behind.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCollector } from "@moescope/telemetry";
import { generate } from "selfsigned";
import { describe, expect, it } from "vitest";
import { anyPorts, moescope, start, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

/** Milliseconds; a test runs up to eight commands, on a machine that may be busy. */
const patience = { timeout: 240_000 };

const tokenOf = (role: string) => `${role}-0123456789abcdef`;

/** A collector with a token for each role, and what commands need to find it. */
async function guardedCollector(directory: string, mode = 0o600, ...options: string[]) {
  const file = join(directory, "tokens");
  const lines = ["write", "read", "both", "admin"].map((role) => `${role} ${tokenOf(role)}`);
  writeFileSync(file, lines.join("\n"), { mode });
  const collect = start(["collect", ...anyPorts, "--token-file", file, ...options], directory);
  const [, url, address] = await collect.until(/Dashboard +(http\S+)\nCollector +(\S+)/);
  return { collect, url: url!, address: address! };
}

const withToken = (role: string) => ({ MOESCOPE_TOKEN: tokenOf(role) });

describe("a collector with tokens", () => {
  it("lets a run in that shows one, and commands that read it; the token is written nowhere", patience, async () => {
    const directory = temporaryDirectory();
    const { collect, url, address } = await guardedCollector(directory);
    const train = ["train", ...tinyRun, "--steps", "3", "--collector", address, "--json"];
    const trained = await moescope(train, directory, withToken("write"));
    expect(trained).toMatchObject({ code: 0 });
    const { run, reporting } = JSON.parse(trained.stdout);
    expect(reporting).toMatchObject({ queued: 0, rejected: 0 });

    const listed = await moescope(["runs", "--url", url, "--json"], directory, withToken("read"));
    expect(JSON.parse(listed.stdout).runs).toMatchObject([{ run: { id: run }, state: "FINISHED" }]);
    const watched = await moescope(["watch", run, "--token", tokenOf("read")], directory);
    expect(watched).toMatchObject({ code: 0, stderr: expect.stringContaining("ended without an alert") });

    const file = join(directory, "kept.gz");
    expect(await moescope(["backup", run, "--out", file], directory, withToken("read"))).toMatchObject({ code: 0 });
    expect((await moescope(["delete", run], directory, withToken("both"))).stderr).toMatch(
      /a token of role both does not delete; needed is admin/,
    );
    expect(await moescope(["delete", run], directory, withToken("admin"))).toMatchObject({ code: 0 });
    expect(await moescope(["restore", file], directory, withToken("write"))).toMatchObject({
      code: 0,
      stdout: `${run}\n`,
    });

    const ended = await collect.signal("SIGTERM");
    expect(ended.code).toBe(0);
    const written = readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => path !== "tokens" && statSync(join(directory, path)).isFile())
      .map((path) => join(directory, path));
    expect(written.length).toBeGreaterThan(10);
    const leaks = written.filter((path) => /-0123456789abcdef/.test(readFileSync(path, "latin1")));
    expect(leaks).toEqual([]);
    for (const text of [trained.stderr, trained.stdout, ended.stderr, ended.stdout]) {
      expect(text).not.toContain("-0123456789abcdef");
    }
  });

  it("turns away commands without one, which say what is missing; a run keeps its steps", patience, async () => {
    const directory = temporaryDirectory();
    const { address } = await guardedCollector(directory);
    const listed = await moescope(["runs"], directory);
    expect(listed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/a token is needed, of role read, both or admin/),
    });
    const trained = await moescope(["train", ...tinyRun, "--steps", "2", "--collector", address], directory);
    expect(trained.stderr).toMatch(
      /refuses this run: a token is needed, of role write, both or admin\. \d+ messages stay/,
    );
    expect(trained.stderr).toMatch(/spool/);
    const spooled = await moescope(
      ["train", ...tinyRun, "--steps", "40", "--collector", address],
      directory,
      withToken("write"),
    );
    expect(spooled.stderr).toMatch(/messages of an earlier run wait in .*; sending them/);
    const { stdout } = await moescope(["runs", "--json"], directory, withToken("read"));
    expect(
      JSON.parse(stdout)
        .runs.map(({ steps }: { steps: number }) => steps)
        .sort(),
    ).toEqual([2, 40]);
  });
});

describe("a collector with TLS", () => {
  it("is reached with the certificate of its authority", patience, async () => {
    const directory = temporaryDirectory();
    const { cert, key, ca } = await certificates(directory);
    const tls = ["--tls-cert", cert, "--tls-key", key];
    const { url, address } = await guardedCollector(directory, 0o600, ...tls);
    expect(url).toMatch(/^https:/);
    expect(await findCollector(join(directory, "moescope-data"))).toMatchObject({ tls: true });
    const trust = ["--tls-ca", ca];
    const train = ["train", ...tinyRun, "--steps", "2", "--collector", address, ...trust, "--json"];
    const trained = await moescope(train, directory, withToken("write"));
    expect(trained).toMatchObject({ code: 0 });
    expect(JSON.parse(trained.stdout).reporting).toMatchObject({ queued: 0 });
    const { run } = JSON.parse(trained.stdout);
    const shown = await moescope(["show", run, ...trust], directory, withToken("read"));
    expect(shown.stdout).toContain(run);
    const watched = await moescope(["watch", run, ...trust], directory, withToken("read"));
    expect(watched.code).toBe(0);
    const distrusted = await moescope(["runs"], directory, withToken("read"));
    expect(distrusted).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No collector answers at https.*certificate/),
    });
  });
});

describe("a token file", () => {
  const collectWith = (file: string, directory: string) =>
    moescope(["collect", ...anyPorts, "--token-file", file], directory);

  it("that others can read is told of, with what to do", async () => {
    const { collect } = await guardedCollector(temporaryDirectory(), 0o644);
    await collect.until(/token file .*tokens can be read by every user of this machine \(mode 644\); run: chmod 600 /);
    expect((await collect.signal("SIGTERM")).code).toBe(0);
  });

  it("that everyone can change, or that cannot be read, is refused by name", async () => {
    const directory = temporaryDirectory();
    const file = join(directory, "tokens");
    writeFileSync(file, `admin ${tokenOf("admin")}`);
    chmodSync(file, 0o666);
    expect(await collectWith(file, directory)).toMatchObject({
      code: 2,
      stderr: `Error: --token-file: token file ${file} can be changed by every user of this machine (mode 666); run: chmod 600 ${file}\n`,
    });
    expect(await collectWith(directory, directory)).toMatchObject({
      code: 2,
      stderr: `Error: --token-file: token file ${directory} cannot be read: it is a directory\n`,
    });
  });
});

describe("listening where other machines reach it", () => {
  it.each([[["--host", "0.0.0.0"]], [["--host", "::"]]])("%j is refused without a token or TLS", async (options) => {
    const { code, stderr } = await moescope(["collect", ...anyPorts, ...options], temporaryDirectory());
    expect(code).toBe(1);
    expect(stderr).toMatch(/can be reached from other machines: add a token \(--token-file FILE, or MOESCOPE_TOKEN\)/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("is allowed with a token, and says that it crosses the network in clear", async () => {
    const collect = start(["collect", ...anyPorts, "--host", "0.0.0.0"], temporaryDirectory(), withToken("admin"));
    const [, url] = await collect.until(/Dashboard +(http\S+)/);
    await collect.until(/without TLS, tokens and runs cross the network in clear/);
    const answer = await fetch(`${url!.replace("0.0.0.0", "127.0.0.1")}/api/v1/runs`);
    expect(answer.status).toBe(401);
    expect((await collect.signal("SIGTERM")).code).toBe(0);
  });
});

/** A certificate for 127.0.0.1 that is its own authority, as files. */
async function certificates(directory: string): Promise<{ cert: string; key: string; ca: string }> {
  const made = await generate([{ name: "commonName", value: "collector" }], {
    ...{ keyType: "ec", algorithm: "sha256" },
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  writeFileSync(cert, made.cert);
  writeFileSync(key, made.private, { mode: 0o600 });
  return { cert, key, ca: cert };
}
