// What a program shows to a collector over gRPC to be let in, and what it asks the collector to show.
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
  return credentials.createSsl(bytesOf(tls.ca), bytesOf(tls.key), bytesOf(tls.cert));
}

export function callMetadata({ token }: CollectorAccess): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

function bytesOf(pem: string | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}
