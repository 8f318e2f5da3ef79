// Who can reach an address, and what must protect it then.

/** Hosts that only this machine can reach. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "::1", "localhost"];

export function isLoopback(host: string): boolean {
  return LOOPBACK_HOSTS.includes(host);
}

export interface Exposure {
  hosts: readonly string[];
  tokens: boolean;
  tls: boolean;
  clientCertificates: boolean;
}

/** Whether a token or a certificate is asked for. */
export function isClosed({ tokens, clientCertificates }: Pick<Exposure, "tokens" | "clientCertificates">): boolean {
  return tokens || clientCertificates;
}

/** @returns why a collector must not listen like this; undefined when it may */
export function refuseExposure({ hosts, tokens, tls }: Exposure): string | undefined {
  const exposed = hosts.find((host) => !isLoopback(host));
  if (exposed === undefined || tokens || tls) return undefined;
  return `host ${JSON.stringify(exposed)} can be reached from other machines: add a token (--token-file FILE, or MOESCOPE_TOKEN) or TLS (--tls-cert FILE --tls-key FILE), or listen on one of ${LOOPBACK_HOSTS.join(", ")}`;
}

/** @returns what a person should know of a collector that may listen like this, a line each */
export function warnOfExposure({ hosts, tokens, tls, clientCertificates }: Exposure): string[] {
  if (hosts.every(isLoopback)) return [];
  const lines = [];
  if (!tls) lines.push("without TLS, tokens and runs cross the network in clear: add --tls-cert FILE --tls-key FILE");
  if (!isClosed({ tokens, clientCertificates })) {
    lines.push(
      "everyone who can connect may read, write and delete runs: add --token-file FILE or --tls-client-ca FILE",
    );
  }
  return lines;
}

/** Where a program on this machine finds a server that listens there. */
export function localAddress(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}
