// The tokens that a collector knows. Only their digests are kept, and comparing takes the same time whatever is presented.
import { createHash, timingSafeEqual } from "node:crypto";
import { Guesses } from "./guesses.ts";
import type { Role } from "./roles.ts";

/** Long enough that guessing is hopeless; the characters of RFC 6750. */
export const TOKEN = /^[A-Za-z0-9._~+/-]{16,512}=*$/;
export const TOKEN_FORM = "16 to 512 letters, digits and ._~+/- (make one with: openssl rand -hex 32)";

export interface KnownToken {
  readonly role: Role;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
}

export class Tokens {
  readonly known: readonly KnownToken[];
  readonly #guesses: Guesses;

  /** @param mostGuesses different wrong tokens that an address may show in a minute */
  constructor(tokens: readonly { token: string; role: Role }[], mostGuesses?: number) {
    this.#guesses = new Guesses(mostGuesses);
    this.known = tokens.map(({ token, role }) => ({ role, digest: digestOf(token) }));
  }

  /** Without any token everything is allowed to everyone who can connect. */
  get required(): boolean {
    return this.known.length > 0;
  }

  /**
   * @param address of whoever presents it
   * @throws TooManyGuesses when that address has shown too many wrong ones
   */
  find(presented: string, address: string): KnownToken | undefined {
    const digest = digestOf(presented);
    const key = digest.toString("base64");
    this.#guesses.expectAllowed(address, key);
    let found: KnownToken | undefined;
    for (const token of this.known) if (timingSafeEqual(token.digest, digest)) found = token;
    if (found === undefined) this.#guesses.add(address, key);
    return found;
  }

  /**
   * @param header `Bearer TOKEN`, as in an Authorization header or gRPC metadata
   * @throws TooManyGuesses
   */
  findBearer(header: string | undefined, address: string): KnownToken | undefined {
    const [, presented] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
    return presented === undefined ? undefined : this.find(presented, address);
  }
}

// Of equal length whatever was presented, which timingSafeEqual needs.
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
