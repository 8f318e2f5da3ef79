// The thread that writes checkpoints: hashing and waiting for the disk take long, and the training thread should not.
import { parentPort } from "node:worker_threads";
import type { WriteAnswer, WriteOrder } from "./checkpoint-writer.ts";
import { removeOldCheckpoints } from "./run-folder.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

const port = parentPort!;

port.on("message", (order: WriteOrder) => port.postMessage(write(order)));

function write({ folder, snapshot, kept }: WriteOrder): WriteAnswer {
  let path: string | undefined;
  try {
    path = writeCheckpoint(folder, snapshot);
    removeOldCheckpoints(folder, kept);
    return { path };
  } catch (error) {
    return { path, error: (error as Error).message };
  }
}
