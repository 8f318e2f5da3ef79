// Certificate and key for TLS, and the authority that clients' certificates must come from, read from their files.
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";

export interface TlsFiles {
  certFile: string;
  keyFile: string;
  clientCaFile?: string | undefined;
}

/** PEM texts. */
export interface Tls {
  cert: Buffer;
  key: Buffer;
  /** With it a client must show a certificate of this authority. */
  clientCa: Buffer | undefined;
}

/** @throws Error that names the file which cannot be read, or says that certificate and key do not fit */
export function readTls({ certFile, keyFile, clientCaFile }: TlsFiles): Tls {
  const cert = readPem(certFile);
  const key = readPem(keyFile);
  const clientCa = clientCaFile === undefined ? undefined : readPem(clientCaFile);
  try {
    createSecureContext({ cert, key, ca: clientCa });
  } catch (error) {
    const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].join(", ");
    throw new Error(`TLS cannot be set up with ${files}: ${(error as Error).message}`, { cause: error });
  }
  return { cert, key, clientCa };
}

function readPem(path: string): Buffer {
  const bytes = readFileSync(path);
  if (bytes.includes("-----BEGIN ")) return bytes;
  throw new Error(`${path} is no PEM file: it has no line "-----BEGIN ..."`);
}
