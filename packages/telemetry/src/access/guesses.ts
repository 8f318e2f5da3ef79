// How many wrong tokens an address may show, so that none is found by trying.
import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";

/** Usual number of different wrong tokens of one address in a minute, and of times that each of them may be shown. */
export const MOST_GUESSES = 10;
/** Milliseconds. */
const REMEMBERED_FOR = 60_000;
/** Addresses that are remembered; beyond it the one seen longest ago may guess again. */
const MOST_ADDRESSES = 10_000;

/** Thrown in place of an answer, so that it says nothing of the token. */
export class TooManyGuesses extends Error {
  /** Seconds after which the address may try again. */
  readonly seconds: number;

  constructor(seconds: number) {
    super(`too many wrong tokens from this address; try again in ${seconds} seconds`);
    this.seconds = seconds;
  }
}

/**
 * A program that shows the same wrong token again and again is misconfigured: it is refused, but does not lock out others at its address,
 * as behind a proxy. Whoever shows many different ones is guessing.
 */
export class Guesses {
  /** By network: the digests of wrong tokens, and how often each was shown. */
  readonly #wrong: LRUCache<string, Map<string, number>>;

  readonly #most: number;

  /** @param clock tells milliseconds */
  constructor(most = MOST_GUESSES, clock: { now: () => number } = performance) {
    this.#most = most;
    const options = { max: MOST_ADDRESSES, ttl: REMEMBERED_FOR, ttlResolution: 0, perf: clock };
    this.#wrong = new LRUCache(options);
  }

  get addresses(): number {
    return this.#wrong.size;
  }

  /** @throws TooManyGuesses when a token with this digest is not to be looked at */
  expectAllowed(address: string, digest: string): void {
    const network = networkOf(address);
    const wrong = this.#wrong.get(network);
    if (wrong === undefined) return;
    const shown = wrong.get(digest) ?? wrong.size;
    if (shown >= this.#most) throw new TooManyGuesses(Math.ceil(this.#wrong.getRemainingTTL(network) / 1000));
  }

  /** A token with this digest was wrong. */
  add(address: string, digest: string): void {
    const network = networkOf(address);
    const wrong = this.#wrong.get(network) ?? new Map<string, number>();
    wrong.set(digest, (wrong.get(digest) ?? 0) + 1);
    // Its minute begins with the first.
    if (wrong.size === 1 && wrong.get(digest) === 1) this.#wrong.set(network, wrong);
  }
}

/** Who has one IPv6 address has the 2^64 of its network. */
function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = [], tail = []] = address.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
