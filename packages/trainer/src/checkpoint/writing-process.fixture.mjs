// Keeps one checkpoint after the other until it is killed, from the newest there is: `node … FOLDER VALUES`. Prints what it has done.
import { claimAttempt } from "../../dist/checkpoint/attempts.js";
import {
  listCheckpoints,
  newestCheckpoint,
  removeOldCheckpoints,
  removeUnfinished,
} from "../../dist/checkpoint/run-folder.js";
import { writeCheckpoint } from "../../dist/checkpoint/write-checkpoint.js";

const [folder, values] = process.argv.slice(2);
const say = (word, number) => process.stdout.write(`${word} ${number}\n`);
const complain = (line) => say("damaged", line);

const attempt = claimAttempt(folder, complain);
say("attempt", attempt);
removeUnfinished(folder);
let step = listCheckpoints(folder).length > 0 ? newestCheckpoint(folder, complain).record.step : 0;
say("from", step);
for (;;) {
  step++;
  const state = [
    { name: "parameter/p", shape: [Number(values)], values: new Float32Array(Number(values)).fill(step) },
    { name: "optimizer/updates", shape: [], values: Float32Array.of(step) },
  ];
  writeCheckpoint(folder, { record: { format: 1, run: { id: "killed" }, step, attempt }, state });
  say("kept", step);
  removeOldCheckpoints(folder, 2);
}
