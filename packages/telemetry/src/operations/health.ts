// The standard health service of gRPC, for load balancers and orchestrators.
import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** The server as a whole, and the service that trainers report to. */
const NAMES = ["", "moescope.v1.Collector"];

export class Health {
  readonly #service = new HealthImplementation();
  #serving: boolean | undefined;

  constructor() {
    this.set(true);
  }

  addTo(server: Server): void {
    this.#service.addToServer(server);
  }

  /** @param serving false while the collector cannot take in runs: it is stopping, or its store refuses data */
  set(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const name of NAMES) this.#service.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  }
}
