// Memory for the numbers of messages, which is used again once they are stored. Left to the garbage collector it costs a fifth of the
// processor time of ingest: V8 looks through all objects whenever so much has been allocated beside them.
//
// Whoever releases a message's memory answers for it that nobody looks at its numbers any more. What is never released is garbage.

/** Bytes in one piece: a message has some hundred arrays. */
const PIECE_BYTES = 65_536;
/** Pieces kept, 96 MiB: about what messages that wait to be stored can take. */
const MOST_FREE = 1536;
/** Milliseconds after the last use until they are let go. */
const KEPT_FOR = 10_000;

export class NumberPool {
  #free: ArrayBuffer[] = [];
  #unused: NodeJS.Timeout | undefined;

  /** @param messageBytes the size of a message: a small one takes less than a piece, which is not used again */
  memory(messageBytes: number): NumberMemory {
    return new NumberMemory(this, messageBytes);
  }

  /** @returns memory with anything in it */
  take(bytes: number): ArrayBuffer {
    const free = bytes === PIECE_BYTES ? this.#free.pop() : undefined;
    return free ?? (Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer);
  }

  give(memory: readonly ArrayBuffer[]): void {
    for (const piece of memory) {
      if (piece.byteLength === PIECE_BYTES && this.#free.length < MOST_FREE) this.#free.push(piece);
    }
    this.#unused ??= setTimeout(() => this.#letGo(), KEPT_FOR).unref();
    this.#unused.refresh();
  }

  #letGo(): void {
    this.#free = [];
    this.#unused = undefined;
  }
}

/** The memory of one message. */
export class NumberMemory {
  readonly #pool: NumberPool;
  /** Each may be a number. */
  readonly #messageBytes: number;
  readonly #pieces: ArrayBuffer[] = [];
  #piece = new Uint32Array(new ArrayBuffer(0));
  #used = 0;

  constructor(pool: NumberPool, messageBytes: number) {
    this.#pool = pool;
    this.#messageBytes = messageBytes;
  }

  /** Where in its piece the next array begins. */
  get next(): number {
    return this.#used;
  }

  /** @returns a piece of memory in which so many 32-bit numbers have room from `next` on */
  room(length: number): Uint32Array {
    if (this.#used + length > this.#piece.length) {
      const piece = this.#pool.take(Math.max(4 * length, Math.min(4 * this.#messageBytes, PIECE_BYTES)));
      this.#pieces.push(piece);
      this.#piece = new Uint32Array(piece);
      this.#used = 0;
    }
    return this.#piece;
  }

  /** @returns the next array; it holds anything unless it was written in its room */
  uint32s(length: number): Uint32Array {
    const { buffer } = this.room(length);
    return new Uint32Array(buffer, this.#use(length), length);
  }

  float32s(length: number): Float32Array {
    const { buffer } = this.room(length);
    return new Float32Array(buffer, this.#use(length), length);
  }

  float64s(length: number): Float64Array {
    const { buffer } = this.room(2 * length);
    return new Float64Array(buffer, this.#use(2 * length), length);
  }

  /** Nobody looks at its numbers any more. */
  release(): void {
    this.#pool.give(this.#pieces.splice(0));
  }

  /** @returns where it begins, in bytes; every array begins where one of 64-bit numbers could */
  #use(length: number): number {
    const begin = 4 * this.#used;
    this.#used += length + (length % 2);
    return begin;
  }
}
