// Certificate and key for TLS, and the authority that clients' certificates must come from, read from their files.
import { createSecureContext } from "node:tls";
import { readNamedFile, readSecretFile } from "./secret-file.ts";

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

/**
 * @returns what to tell of who else can read the key beside it
 * @throws Error that names the file which cannot be read, or says that certificate and key do not fit
 */
export function readTls({ certFile, keyFile, clientCaFile }: TlsFiles): { tls: Tls; notice: string | undefined } {
  const cert = pem(certFile, readNamedFile("TLS certificate", certFile));
  const { bytes, notice } = readSecretFile("TLS key", keyFile);
  const key = pem(keyFile, bytes);
  const clientCa =
    clientCaFile === undefined ? undefined : pem(clientCaFile, readNamedFile("TLS authority", clientCaFile));
  try {
    createSecureContext({ cert, key, ca: clientCa });
  } catch (error) {
    const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].join(", ");
    throw new Error(`TLS cannot be set up with ${files}: ${(error as Error).message}`, { cause: error });
  }
  return { tls: { cert, key, clientCa }, notice };
}

function pem(path: string, bytes: Buffer): Buffer {
  if (bytes.includes("-----BEGIN ")) return bytes;
  throw new Error(`${path} is no PEM file: it has no line "-----BEGIN ..."`);
}
