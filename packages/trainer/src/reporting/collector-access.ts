// What a program shows to a collector over gRPC to be let in, and what it asks the collector to show.
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";

export interface CollectorAccess {
  /** Sent with every stream. Never stored: neither in a run's configuration nor in a spool. */
  token?: string;
  /** The collector speaks TLS. */
  tls?: TlsAccess;
}

/** PEM texts. */
export interface TlsAccess {
  /** Authority of the collector's certificate; one that the system trusts when absent. */
  ca?: string;
  /** Certificate and key of this program, for a collector that asks for them. */
  cert?: string;
  key?: string;
}

/** @throws Error when the texts are no certificates */
export function channelCredentials({ tls }: CollectorAccess): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return namingNoAddress(credentials.createSsl(bytesOf(tls.ca), bytesOf(tls.key), bytesOf(tls.cert)));
}

export function callMetadata({ token }: CollectorAccess): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/**
 * grpc-js 1.14.7 sends the host as the TLS server name even where it is an IP address, which RFC 6066 forbids: Node 26 refuses to, earlier
 * ones warn. Without a server name the certificate is still checked against the address.
 */
function namingNoAddress(tlsCredentials: ChannelCredentials): ChannelCredentials {
  const create = tlsCredentials._createSecureConnector.bind(tlsCredentials);
  tlsCredentials._createSecureConnector = (...request) => {
    const connector = create(...request);
    const { connectionOptions } = connector as unknown as { connectionOptions: ConnectionOptions };
    if (isIP(connectionOptions.servername ?? "") !== 0) delete connectionOptions.servername;
    return connector;
  };
  return tlsCredentials;
}

function bytesOf(pem: string | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}
