import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/collector.ts";
import { allows, ROLE_NAMES, rolesWith } from "./roles.ts";
import { SESSION_SECONDS, Sessions } from "./sessions.ts";
import { readTokenFile } from "./token-file.ts";
import { Tokens } from "./tokens.ts";

const [reader, writer] = ["reader-0123456789abcdef", "writer-0123456789abcdef"];
const here = "127.0.0.1";
const tokens = new Tokens([
  { token: reader, role: "read" },
  { token: writer, role: "write" },
]);

test("a token is found whole or not at all", () => {
  expect(tokens.findBearer(`Bearer ${reader}`, here)!.role).toBe("read");
  expect(tokens.findBearer(`bearer  ${writer}`, here)!.role).toBe("write");
  for (const wrong of [reader.slice(0, -1), `${reader}x`, reader.toUpperCase(), ""]) {
    expect(tokens.findBearer(`Bearer ${wrong}`, here)).toBeUndefined();
  }
  for (const header of [undefined, "", reader, `Basic ${reader}`, `Bearer ${reader} ${reader}`]) {
    expect(tokens.findBearer(header, here)).toBeUndefined();
  }
});

test("a collector keeps digests, not tokens", () => {
  expect(JSON.stringify(tokens)).not.toContain(reader);
});

test("what each role may", () => {
  const rights = ROLE_NAMES.map((role) => [role, ["write", "read", "delete"].filter((r) => allows(role, r as "read"))]);
  expect(Object.fromEntries(rights)).toEqual({
    ...{ write: ["write"], read: ["read"], both: ["write", "read"] },
    admin: ["write", "read", "delete"],
  });
  expect(rolesWith("write")).toBe("write, both or admin");
  expect(rolesWith("delete")).toBe("admin");
});

test("a session lasts a week, and no other token or time can be put in its place", () => {
  const sessions = new Sessions(tokens);
  const cookie = sessions.open(tokens.find(reader, here)!, 1000);
  expect(sessions.find(cookie, 1000)!.role).toBe("read");
  expect(sessions.find(cookie, 1000 + SESSION_SECONDS * 1000)!.role).toBe("read");
  expect(sessions.find(cookie, 1001 + SESSION_SECONDS * 1000)).toBeUndefined();
  expect(
    sessions.find(
      cookie.replace(/^\d+/, (end) => String(Number(end) + 1)),
      1000,
    ),
  ).toBeUndefined();
  expect(sessions.find(cookie.slice(0, -1), 1000)).toBeUndefined();
  expect(sessions.find("", 1000)).toBeUndefined();
  // Without its token a collector does not know it any more.
  expect(new Sessions(new Tokens([{ token: writer, role: "read" }])).find(cookie, 1000)).toBeUndefined();
});

test("a file of tokens", () => {
  const file = join(temporaryDirectory(), "tokens");
  writeFileSync(file, `# who may what\n\nread ${reader}\n  write\t${writer}\r\nabcdefabcdefabcdef\n`);
  expect(readTokenFile(file).tokens).toEqual([
    { role: "read", token: reader },
    { role: "write", token: writer },
    { role: "admin", token: "abcdefabcdefabcdef" },
  ]);
});

test.each([
  ["", /tokens holds no token/],
  [`owner ${reader}`, /tokens, line 1: expected ROLE TOKEN, where ROLE is one of write, read, both, admin/],
  [`\nread ${reader} and more`, /line 2: expected ROLE TOKEN/],
  ["read secret", /line 1: a token must have 16 to 512/],
])("a file that is none is refused without its content: %j", (content, message) => {
  const file = join(temporaryDirectory(), "tokens");
  writeFileSync(file, content);
  expect(() => readTokenFile(file)).toThrow(message);
  expect(() => readTokenFile(file)).not.toThrow(/reader-|secret/);
});
