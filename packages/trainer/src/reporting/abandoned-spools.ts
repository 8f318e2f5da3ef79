// Sends what earlier reporters on the same folder could not: their process was killed, or the collector away when they ended.
import { rmSync } from "node:fs";
import type { CollectorTarget } from "./collector-connection.ts";
import { Delivery } from "./delivery.ts";
import { Spool } from "./spool.ts";
import { claimAbandonedSpools, releaseSpoolFolder } from "./spool-folder.ts";

/** Sends one spool after the other. Those not sent when `stop` is called are left to the next reporter. */
export class AbandonedSpools {
  readonly #target: CollectorTarget;
  readonly #notice: (line: string) => void;
  readonly #folders: string[];
  #current: { spool: Spool; delivery: Delivery } | undefined;

  constructor(directory: string, target: CollectorTarget, notice: (line: string) => void) {
    this.#target = target;
    this.#notice = notice;
    this.#folders = this.#orNotice(directory, () => claimAbandonedSpools(directory)) ?? [];
    this.#sendNext();
  }

  stop(): void {
    const current = this.#current;
    this.#current = undefined;
    current?.delivery.cancel();
    for (const folder of this.#folders.splice(0)) this.#orNotice(folder, () => releaseSpoolFolder(folder));
    if (current) this.#orNotice(current.spool.folder!, () => current.spool.release());
  }

  #sendNext(): void {
    while (!this.#current && this.#folders.length > 0) {
      const folder = this.#folders.shift()!;
      this.#orNotice(folder, () => {
        const recovered = Spool.recover(folder, this.#notice);
        if (recovered) this.#send(recovered.spool, recovered.opening);
        else rmSync(folder, { recursive: true, force: true });
      });
    }
  }

  /** A spool that cannot be read must not keep this run from being reported. */
  #orNotice<Result>(path: string, read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.#notice(`Messages of an earlier run in ${path} cannot be sent: ${(error as Error).message}`);
      return undefined;
    }
  }

  #send(spool: Spool, opening: Uint8Array): void {
    this.#notice(`${spool.last - spool.acknowledged} messages of an earlier run wait in ${spool.folder}; sending them`);
    const changed = () => this.#check();
    const delivery = new Delivery({
      target: this.#target,
      opening,
      spool,
      abandoned: true,
      notice: this.#notice,
      changed,
    });
    this.#current = { spool, delivery };
  }

  #check(): void {
    if (!this.#current) return;
    const { spool, delivery } = this.#current;
    const done = delivery.state === "connected" && spool.acknowledged === spool.last;
    if (!done && delivery.state !== "refused") return;
    // Cleared first: finishing is a change of state too.
    this.#current = undefined;
    if (done) {
      delivery.finish();
      spool.remove();
    } else spool.release();
    this.#sendNext();
  }
}
