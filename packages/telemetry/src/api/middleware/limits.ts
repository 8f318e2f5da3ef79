// Limits on how much is asked at once, so that one viewer cannot take the collector from the others.
import type { HttpBindings } from "@hono/node-server";
import type { MiddlewareHandler } from "hono";
import { Refusal } from "../errors.ts";

/** Addresses whose requests are remembered; beyond it the one seen longest ago is forgotten, and begins with a full allowance again. */
const MOST_ADDRESSES = 10_000;
/** Seconds of requests that may come at once after a rest. */
const BURST_SECONDS = 5;

/** Requests that an address may still send, and when that was worked out. */
interface Allowance {
  left: number;
  at: number;
}

/** A token bucket for each address. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #allowances = new Map<string, Allowance>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** @param now milliseconds */
  take(address: string, now: number): boolean {
    const most = this.#perSecond * BURST_SECONDS;
    const { left, at } = this.#allowances.get(address) ?? { left: most, at: now };
    const allowed = Math.min(most, left + ((now - at) / 1000) * this.#perSecond);
    // Taken out and put back, so that the first is always the one seen longest ago.
    this.#allowances.delete(address);
    this.#allowances.set(address, { left: Math.max(0, allowed - 1), at: now });
    if (this.#allowances.size > MOST_ADDRESSES) this.#allowances.delete(this.#allowances.keys().next().value!);
    return allowed >= 1;
  }

  get addresses(): number {
    return this.#allowances.size;
  }
}

/** @param perSecond requests of one address */
export function limitedRate(perSecond: number): MiddlewareHandler<{ Bindings: HttpBindings }> {
  const limit = new RateLimit(perSecond);
  return async (context, next) => {
    if (!limit.take(context.env.incoming.socket.remoteAddress ?? "", performance.now())) {
      context.header("Retry-After", "1");
      throw new Refusal(
        429,
        "rate",
        `more than ${perSecond} requests a second from one address; ask again in a second`,
      );
    }
    await next();
  };
}

/** @param most requests that are being answered at one time */
export function limitedAtOnce(most: number): MiddlewareHandler {
  let running = 0;
  return async (context, next) => {
    if (running >= most) {
      context.header("Retry-After", "1");
      throw new Refusal(503, "busy", `${most} requests are being answered already; ask again in a second`);
    }
    running++;
    try {
      await next();
    } finally {
      running--;
    }
  };
}
