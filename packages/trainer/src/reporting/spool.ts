// The queue of one stream (run, rank, attempt): every message is written to disk before it is sent, and leaves when acknowledged.
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decodeFrames, encodeFrame, frameSize } from "./frames.ts";
import { type ClosedFile, describeFolder, fileName, writeOpening, writeWhole } from "./spool-files.ts";
import { createSpoolFolder, keepRefusedSpool, releaseSpoolFolder } from "./spool-folder.ts";

export interface SpoolLimits {
  /** Size at which a file is closed and the next one begun. As much is held in memory, twice while old files are read back. */
  fileBytes: number;
  /** Messages held in memory while the disk refuses them; beyond it, messages are dropped. */
  memoryBytes: number;
  /** Files of the spool together; beyond it the spool acts as on a full disk. */
  diskBytes: number;
}

export const defaultSpoolLimits: SpoolLimits = {
  fileBytes: 8 * 2 ** 20,
  memoryBytes: 32 * 2 ** 20,
  diskBytes: 8 * 2 ** 30,
};

/** The newest messages: all of them in memory, the first `written` of them in the file too. */
interface OpenFile {
  name: string;
  descriptor?: number;
  first: number;
  messages: Uint8Array[];
  written: number;
  bytes: number;
  /** Bytes of the messages not written. */
  waitingBytes: number;
}

/**
 * Files are not synced: a killed process loses nothing that was appended, a power cut may. Not shared between threads or processes;
 * the owner is the one whose name the folder bears.
 */
export class Spool {
  #folder: string | undefined;
  readonly #createFolder: () => string;
  readonly #limits: SpoolLimits;
  readonly #notice: (line: string) => void;
  #closed: ClosedFile[] = [];
  #open: OpenFile;
  #filesBegun = 0;
  #readBack: { name: string; first: number; messages: Uint8Array[] } | undefined;
  #acknowledged = 0;
  #faulty = false;

  private constructor(createFolder: () => string, limits: SpoolLimits, notice: (line: string) => void) {
    this.#createFolder = createFolder;
    this.#limits = limits;
    this.#notice = notice;
    this.#open = this.#beginFile(1);
  }

  /**
   * @param directory where spools lie; this one makes a folder of its own in it when the first message comes
   * @param label makes the folder easy to recognise
   * @param opening what must be sent ahead of the messages on every connection
   * @param notice told, in one line, when the disk begins to refuse messages and when it takes them again
   */
  static create(
    directory: string,
    label: string,
    opening: Uint8Array,
    notice: (line: string) => void,
    limits: SpoolLimits = defaultSpoolLimits,
  ): Spool {
    const createFolder = () => {
      const folder = createSpoolFolder(directory, label);
      writeOpening(folder, opening);
      return folder;
    };
    return new Spool(createFolder, limits, notice);
  }

  /** @returns undefined when the folder holds no message: its owner was killed before it could write one, or all had left */
  static recover(folder: string, notice: (line: string) => void): { spool: Spool; opening: Uint8Array } | undefined {
    const { opening, files } = describeFolder(folder);
    if (!opening || files.length === 0) return undefined;
    const spool = new Spool(() => folder, defaultSpoolLimits, notice);
    spool.#folder = folder;
    spool.#closed = files;
    spool.#acknowledged = files[0]!.first - 1;
    spool.#filesBegun = Number.parseInt(files.at(-1)!.name, 10) + 1;
    spool.#open = spool.#beginFile(files.at(-1)!.last + 1);
    return { spool, opening };
  }

  /** Sequence number of the newest message; 0 when there was none. */
  get last(): number {
    return this.#open.first + this.#open.messages.length - 1;
  }

  /** Every message up to this sequence number has left. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#closed.reduce((total, file) => total + file.bytes, this.#open.bytes);
  }

  /** Messages that are in memory alone, because the disk refuses them. */
  get unwritten(): number {
    return this.#open.messages.length - this.#open.written;
  }

  /** Where the files lie; undefined as long as nothing could be written. */
  get folder(): string | undefined {
    return this.#folder;
  }

  /** @returns false when neither disk nor memory had room: the message is lost, and its sequence number goes to the next one */
  append(message: Uint8Array): boolean {
    const file = this.#open;
    file.messages.push(message);
    file.waitingBytes += frameSize(message);
    this.#write();
    if (file.waitingBytes > this.#limits.memoryBytes) {
      file.messages.pop();
      file.waitingBytes -= frameSize(message);
      return false;
    }
    if (file.waitingBytes === 0 && file.bytes >= this.#limits.fileBytes) this.#closeFile();
    return true;
  }

  /**
   * @param sequence of a message that has not left
   * @throws Error when the file that held it is gone or damaged
   */
  read(sequence: number): Uint8Array {
    if (sequence >= this.#open.first) return this.#open.messages[sequence - this.#open.first]!;
    const file = this.#closed.find(({ last }) => sequence <= last)!;
    if (this.#readBack?.name !== file.name) {
      const frames = decodeFrames(readFileSync(join(this.#folder!, file.name)));
      this.#readBack = { name: file.name, first: file.first, messages: frames.map((frame) => frame.message) };
    }
    const message = this.#readBack.messages[sequence - this.#readBack.first];
    if (!message) throw new Error(`message ${sequence} is damaged in ${join(this.#folder!, file.name)}`);
    return message;
  }

  /** Lets go of every message up to and including `sequence`. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(sequence, this.last));
    while (this.#closed.length > 0 && this.#closed[0]!.last <= this.#acknowledged) {
      rmSync(join(this.#folder!, this.#closed.shift()!.name), { force: true });
    }
    const { first, written, messages } = this.#open;
    // The file is emptied as soon as nothing in it is needed, so a collector that keeps up leaves nothing on disk.
    if (messages.length > 0 && this.#acknowledged >= first + Math.max(written, 1) - 1) this.#emptyOpenFile();
  }

  /** Removes the files: nothing in them is needed any more. */
  remove(): void {
    this.#closeDescriptor();
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Leaves the files to a later reporter. @returns where they lie, if anywhere */
  release(): string | undefined {
    this.#closeDescriptor();
    return this.#folder && releaseSpoolFolder(this.#folder);
  }

  /** Leaves the files where no later reporter touches them. @returns where they lie, if anywhere */
  keep(): string | undefined {
    this.#closeDescriptor();
    return this.#folder && keepRefusedSpool(this.#folder);
  }

  /** Writes what is in memory only, oldest first, so that the file never has a gap. */
  #write(): void {
    const file = this.#open;
    try {
      for (; file.written < file.messages.length; file.written++) {
        const message = file.messages[file.written]!;
        this.#checkDiskLimit(message);
        this.#folder ??= this.#createFolder();
        file.descriptor ??= openSync(join(this.#folder, file.name), "w");
        writeWhole(file.descriptor, encodeFrame({ sequence: file.first + file.written, message }), file.bytes);
        file.bytes += frameSize(message);
        file.waitingBytes -= frameSize(message);
      }
      if (this.#faulty) this.#notice(`The spool ${this.#folder} takes messages again`);
      this.#faulty = false;
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #checkDiskLimit(message: Uint8Array): void {
    if (this.bytes + frameSize(message) <= this.#limits.diskBytes) return;
    throw new Error(`it has reached its limit of ${this.#limits.diskBytes} bytes`);
  }

  #fail(error: Error): void {
    const room = `${Math.round(this.#limits.memoryBytes / 2 ** 20)} MiB`;
    const line = `The spool cannot be written: ${error.message}; up to ${room} of steps wait in memory`;
    if (!this.#faulty) this.#notice(line);
    this.#faulty = true;
  }

  #emptyOpenFile(): void {
    const file = this.#open;
    file.messages.splice(0, this.#acknowledged - file.first + 1);
    file.first = this.#acknowledged + 1;
    file.written = 0;
    file.bytes = 0;
    file.waitingBytes = file.messages.reduce((bytes, message) => bytes + frameSize(message), 0);
    if (file.descriptor !== undefined) ftruncateSync(file.descriptor);
    this.#write();
  }

  #closeFile(): void {
    this.#closeDescriptor();
    const { name, first, bytes } = this.#open;
    this.#closed.push({ name, first, last: this.last, bytes });
    this.#open = this.#beginFile(this.last + 1);
  }

  #closeDescriptor(): void {
    if (this.#open.descriptor !== undefined) closeSync(this.#open.descriptor);
    this.#open.descriptor = undefined;
  }

  #beginFile(first: number): OpenFile {
    return { name: fileName(this.#filesBegun++), first, messages: [], written: 0, bytes: 0, waitingBytes: 0 };
  }
}
