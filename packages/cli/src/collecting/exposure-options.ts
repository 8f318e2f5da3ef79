// Who a collector lets in, and where it listens, from the options of `collect`.
import { type CollectorOptions, readTokenFile } from "@moescope/telemetry";
import type { Command } from "commander";
import { tokenOption } from "../access/access-options.ts";
import { WrongUse } from "../failure.ts";
import { note } from "../terminal/lines.ts";

export interface ExposureOptions {
  host?: string;
  token?: string;
  tokenFile?: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
}

export function addExposureOptions(command: Command): Command {
  return command
    .option("--host <host>", "listen there; other machines reach 0.0.0.0, with a token or TLS (default: 127.0.0.1)")
    .addOption(tokenOption("let in only those who show it, for everything"))
    .option("--token-file <file>", "tokens to let in, each line ROLE TOKEN; roles are write, read, both, admin")
    .option("--tls-cert <file>", "speak TLS with this certificate (PEM)")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--tls-client-ca <file>", "let in only those with a certificate of this authority (PEM)");
}

/** Says who else can read the tokens. @throws WrongUse; the message never holds a token */
export function exposureOf(options: ExposureOptions): Pick<CollectorOptions, "tokens" | "tls"> {
  return { tokens: tokensOf(options), tls: tlsOf(options) };
}

function tokensOf({ token, tokenFile }: ExposureOptions): CollectorOptions["tokens"] {
  const single = token === undefined ? [] : [{ token, role: "admin" as const }];
  if (tokenFile === undefined) return single;
  try {
    const { tokens, notice: readable } = readTokenFile(tokenFile);
    if (readable !== undefined) note(readable);
    return [...single, ...tokens];
  } catch (error) {
    throw new WrongUse(`--token-file: ${(error as Error).message}`);
  }
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ExposureOptions): CollectorOptions["tls"] {
  if (tlsCert !== undefined && tlsKey !== undefined)
    return { certFile: tlsCert, keyFile: tlsKey, clientCaFile: tlsClientCa };
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  throw new WrongUse("TLS needs --tls-cert FILE and --tls-key FILE; --tls-client-ca FILE may stand beside them");
}
