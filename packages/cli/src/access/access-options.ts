// What a command shows to a collector that asks who comes: a token, certificates.
import { readFileSync } from "node:fs";
import type { CollectorAccess, TlsAccess } from "@moescope/trainer";
import { type Command, Option } from "commander";
import { WrongUse } from "../failure.ts";

export interface AccessOptions {
  token?: string;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}

/** Other users of a machine can read command lines, so the environment is the better place. */
export function tokenOption(purpose: string): Option {
  return new Option("--token <token>", `${purpose}; better in the environment, where nobody sees it`).env(
    "MOESCOPE_TOKEN",
  );
}

export function addAccessOptions(command: Command): Command {
  return command
    .addOption(tokenOption("shown to a collector that asks for one"))
    .option("--tls-ca <file>", "the collector speaks TLS with a certificate of this authority (PEM)")
    .option("--tls-cert <file>", "certificate shown to a collector that asks for one, with --tls-key (PEM)")
    .option("--tls-key <file>", "its key");
}

/** @throws WrongUse when a file cannot be read; the message never holds the token */
export function accessOf({ token, tlsCa, tlsCert, tlsKey }: AccessOptions): CollectorAccess {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new WrongUse("--token: allowed are letters, digits and signs, without spaces");
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new WrongUse("--tls-cert and --tls-key go together: both, or neither");
  const tls: TlsAccess = {
    ...(tlsCa !== undefined && { ca: read("--tls-ca", tlsCa) }),
    ...(tlsCert !== undefined && { cert: read("--tls-cert", tlsCert) }),
    ...(tlsKey !== undefined && { key: read("--tls-key", tlsKey) }),
  };
  return { ...(token !== undefined && { token }), ...(Object.keys(tls).length > 0 && { tls }) };
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new WrongUse(`${option} ${file}: ${(error as Error).message}`);
  }
}
