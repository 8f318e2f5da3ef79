// A file of tokens: a role and a token on each line. A line with a token alone gives every right.
import { ROLE_NAMES, type Role } from "./roles.ts";
import { readSecretFile } from "./secret-file.ts";
import { TOKEN, TOKEN_FORM } from "./tokens.ts";

export interface FileToken {
  token: string;
  role: Role;
}

/**
 * Empty lines and lines that begin with # are skipped.
 *
 * @returns what to tell of who else can read the file beside its tokens
 * @throws Error that names file and line, and never what may be a token; also when every user of the machine can change the file
 */
export function readTokenFile(path: string): { tokens: FileToken[]; notice: string | undefined } {
  const { bytes, notice } = readSecretFile("token file", path);
  const lines = bytes.toString().split(/\r?\n/);
  const tokens = lines.flatMap((line, index) => {
    const words = line.trim().split(/\s+/);
    if (line.trim() === "" || line.trim().startsWith("#")) return [];
    return [tokenIn(words, `${path}, line ${index + 1}`)];
  });
  if (tokens.length === 0) throw new Error(`${path} holds no token; expected a line such as: read TOKEN`);
  return { tokens, notice };
}

function tokenIn(words: string[], where: string): FileToken {
  const [role, token] = words.length === 1 ? ["admin", words[0]!] : words;
  if (words.length > 2 || !ROLE_NAMES.includes(role as Role)) {
    throw new Error(`${where}: expected ROLE TOKEN, where ROLE is one of ${ROLE_NAMES.join(", ")}`);
  }
  if (!TOKEN.test(token!)) throw new Error(`${where}: a token must have ${TOKEN_FORM}`);
  return { token: token!, role: role as Role };
}
