// A file of tokens: a role and a token on each line. A line with a token alone gives every right.
import { readFileSync } from "node:fs";
import { ROLE_NAMES, type Role } from "./roles.ts";
import { TOKEN, TOKEN_ALLOWED } from "./tokens.ts";

/**
 * Empty lines and lines that begin with # are skipped.
 *
 * @throws Error that names file and line, and never what may be a token
 */
export function readTokenFile(path: string): { token: string; role: Role }[] {
  const lines = readFileSync(path, "utf8").split(/\r?\n/);
  const tokens = lines.flatMap((line, index) => {
    const words = line.trim().split(/\s+/);
    if (line.trim() === "" || line.trim().startsWith("#")) return [];
    return [tokenIn(words, `${path}, line ${index + 1}`)];
  });
  if (tokens.length === 0) throw new Error(`${path} holds no token; needed is a line such as: read TOKEN`);
  return tokens;
}

function tokenIn(words: string[], where: string): { token: string; role: Role } {
  const [role, token] = words.length === 1 ? ["admin", words[0]!] : words;
  if (words.length > 2 || !ROLE_NAMES.includes(role as Role)) {
    throw new Error(`${where}: allowed is ROLE TOKEN, where ROLE is ${ROLE_NAMES.join(", ")}`);
  }
  if (!TOKEN.test(token!)) throw new Error(`${where}: this is no token; allowed are ${TOKEN_ALLOWED}`);
  return { token: token!, role: role as Role };
}
