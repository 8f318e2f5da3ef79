// Damages what goes through it: a bit here and there of the data inside HTTP/2 frames, so that connection and frames stay whole.
/** What a client's side of a connection begins with, before the first frame. */
const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const DATA = 0;

export interface Damage {
  /** Bytes of data between two bits that are flipped, on average; infinite for none. */
  every: number;
  /** Bits flipped so far. */
  flips: number;
  /** Numbers in 0..1. */
  random: () => number;
}

/** One direction of one connection. */
export class BitFlipper {
  readonly #damage: Damage;
  /** Bytes to let through before the next header. */
  #rest: number;
  #ofData = false;
  #header: number[] = [];
  #every = Number.NaN;
  #nextFlip = Number.POSITIVE_INFINITY;

  constructor(damage: Damage, fromClient: boolean) {
    this.#damage = damage;
    this.#rest = fromClient ? PREFACE_BYTES : 0;
  }

  /** @returns what comes out for what goes in */
  passed(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk);
    for (let at = 0; at < bytes.length; ) {
      if (this.#rest === 0) {
        this.#readHeader(bytes[at++]!);
        continue;
      }
      const length = Math.min(this.#rest, bytes.length - at);
      if (this.#ofData) this.#flip(bytes.subarray(at, at + length));
      at += length;
      this.#rest -= length;
    }
    return bytes;
  }

  #readHeader(byte: number): void {
    this.#header.push(byte);
    if (this.#header.length < HEADER_BYTES) return;
    const [high, middle, low, type] = this.#header as [number, number, number, number];
    this.#rest = (high << 16) | (middle << 8) | low;
    this.#ofData = type === DATA;
    this.#header = [];
  }

  #flip(data: Buffer): void {
    const damage = this.#damage;
    if (damage.every !== this.#every) this.#plan();
    let at = this.#nextFlip;
    for (; at < data.length; at += this.#distance()) {
      data[at]! ^= 1 << Math.floor(8 * damage.random());
      damage.flips++;
    }
    this.#nextFlip = at - data.length;
  }

  #plan(): void {
    this.#every = this.#damage.every;
    this.#nextFlip = this.#distance();
  }

  #distance(): number {
    if (this.#every === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return 1 + Math.floor(-Math.log(1 - this.#damage.random()) * this.#every);
  }
}
