import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { asNobody, canBeNobody } from "../testing/as-nobody.ts";
import { temporaryDirectory } from "../testing/collector.ts";
import { readSecretFile } from "./secret-file.ts";

test("a file that others can read or change is told of, and how to mend it; one that everyone can change is refused", () => {
  const path = join(temporaryDirectory(), "tokens");
  writeFileSync(path, "secret");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0o77 }), (others) => {
      chmodSync(path, 0o600 | others);
      const mode = (0o600 | others).toString(8);
      const said = (who: string, can: string) =>
        `token file ${path} can be ${can} by ${who} (mode ${mode}); run: chmod 600 ${path}`;
      const read = () => readSecretFile("token file", path);
      if (others & 0o002) expect(read).toThrow(said("every user of this machine", "changed"));
      else if (others & 0o004) expect(read().notice).toBe(said("every user of this machine", "read"));
      else if (others & 0o020) expect(read().notice).toBe(said("its group", "changed"));
      else if (others & 0o040) expect(read().notice).toBe(said("its group", "read"));
      else expect(read()).toEqual({ bytes: Buffer.from("secret"), notice: undefined });
    }),
  );
});

test("a file that cannot be read is named, with the reason", () => {
  const directory = temporaryDirectory();
  const path = join(directory, "tokens");
  const read = () => readSecretFile("token file", path);
  expect(read).toThrow(`token file ${path} cannot be read: there is no such file`);
  mkdirSync(path);
  expect(read).toThrow(`token file ${path} cannot be read: it is a directory`);
  expect(() => readSecretFile("TLS key", join("/dev/null", "key"))).toThrow(
    "TLS key /dev/null/key cannot be read: what should be its directory is a file",
  );
});

test.skipIf(!canBeNobody)("a file of another user is named, with the reason", async () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  const path = join(directory, "tokens");
  writeFileSync(path, "secret", { mode: 0o600 });
  await asNobody(() => {
    expect(() => readSecretFile("token file", path)).toThrow(
      `token file ${path} cannot be read: this user may not read it`,
    );
  });
});
