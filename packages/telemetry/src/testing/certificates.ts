// An authority made up for a test, and certificates of it, as files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "selfsigned";

export interface Certificate {
  cert: string;
  key: string;
  certFile: string;
  keyFile: string;
}

export class Authority {
  readonly ca: string;
  readonly caFile: string;
  readonly #key: string;
  readonly #directory: string;

  private constructor(directory: string, ca: string, key: string) {
    this.#directory = directory;
    this.ca = ca;
    this.#key = key;
    this.caFile = join(directory, "ca.pem");
    writeFileSync(this.caFile, ca);
  }

  static async create(directory: string): Promise<Authority> {
    const extensions = [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, digitalSignature: true, critical: true },
    ] as const;
    const made = await generate([{ name: "commonName", value: "authority of a test" }], {
      ...{ keyType: "ec", algorithm: "sha256", extensions: [...extensions] },
    });
    return new Authority(directory, made.cert, made.private);
  }

  /** A certificate for localhost and its addresses, good for servers and for clients. */
  async issue(name: string): Promise<Certificate> {
    const extensions = [
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "127.0.0.2" },
        ],
      },
    ] as const;
    const made = await generate([{ name: "commonName", value: name }], {
      ...{ keyType: "ec", algorithm: "sha256", ca: { cert: this.ca, key: this.#key } },
      extensions: extensions as never,
    });
    const [certFile, keyFile] = ["pem", "key"].map((ending) => join(this.#directory, `${name}.${ending}`));
    writeFileSync(certFile!, made.cert);
    writeFileSync(keyFile!, made.private, { mode: 0o600 });
    return { cert: made.cert, key: made.private, certFile: certFile!, keyFile: keyFile! };
  }
}
