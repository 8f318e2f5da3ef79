// Asks the standard health service of gRPC.
import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

/** @returns SERVING or NOT_SERVING */
export async function healthOf(address: string, name: string): Promise<string> {
  const client = new (makeClientConstructor(service, "Health"))(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.check!({ service: name }, (error: Error | null, answer: { status: string }) =>
        error ? reject(error) : resolve(answer.status),
      );
    });
  } finally {
    client.close();
  }
}
