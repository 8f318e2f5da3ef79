// The reporting thread: takes encoded messages from the training thread, keeps them in the spool and delivers them.
// It alone touches the spool and the connection. TensorFlow blocks the training thread for whole steps; this one always turns.
import { parentPort, workerData } from "node:worker_threads";
import { withChecksum } from "@moescope/proto/checksum";
import { AbandonedSpools } from "./abandoned-spools.ts";
import { Counters } from "./counters.ts";
import { Delivery } from "./delivery.ts";
import { numberedRequest } from "./numbered-request.ts";
import { Spool } from "./spool.ts";
import type { ReportingMessage, ThreadSetup, TrainingMessage } from "./thread-messages.ts";
import { lowerThreadPriority } from "./thread-priority.ts";

/** So much later than its end a step is sent at most, while the collector takes what is sent. */
const SEND_EVERY_MS = 250;

const { target, opening, spoolDirectory, label, limits, counters: memory } = workerData as ThreadSetup;
const port = parentPort!;
const counters = new Counters(memory);
const say = (message: ReportingMessage) => port.postMessage(message);
const notice = (line: string) => say({ kind: "notice", line });

const priorityProblem = lowerThreadPriority();
if (priorityProblem)
  notice(`Reporting takes its turns beside training, which may slow steps a little: ${priorityProblem}`);

const abandoned = new AbandonedSpools(spoolDirectory, target, notice);
const spool = Spool.create(spoolDirectory, label, opening, notice, limits);
const changed = () => publish();
const delivery = new Delivery({ target, opening, spool, abandoned: false, notice, changed });
let deadline: NodeJS.Timeout | undefined;
let ended = false;
/** When messages were last handed to the connection, in milliseconds of `performance.now`, and when they will be next. */
let lastSending = Number.NEGATIVE_INFINITY;
let sending: NodeJS.Timeout | undefined;

port.on("message", (message: TrainingMessage) => {
  counters.add("takenBytes", message.body.length);
  if (!spool.append(withChecksum(numberedRequest(message.kind, message.body, spool.last + 1)))) drop();
  if (message.kind === "end") {
    deadline = setTimeout(end, message.deadlineMilliseconds);
    send();
  } else {
    sendSoon();
  }
});

/** Steps that follow each other quickly are sent together: most of what sending costs training is that this thread wakes up for it. */
function sendSoon(): void {
  const rest = lastSending + SEND_EVERY_MS - performance.now();
  if (rest <= 0) {
    send();
    return;
  }
  sending ??= setTimeout(send, rest);
  publish();
}

function send(): void {
  clearTimeout(sending);
  sending = undefined;
  lastSending = performance.now();
  delivery.wake();
  publish();
}

function publish(): void {
  if (ended) return;
  const { sent, rejected, firstRejection, state } = delivery;
  if (rejected > 0 && counters.get("rejected") === 0) say({ kind: "rejected", reason: firstRejection! });
  counters.set("messages", spool.last);
  counters.set("sent", sent);
  counters.set("acknowledged", spool.acknowledged);
  counters.set("spooledBytes", spool.bytes);
  counters.set("rejected", rejected);
  counters.state = state;
  if (deadline && (state === "refused" || spool.acknowledged === spool.last)) end();
}

function drop(): void {
  if (counters.get("dropped") === 0) notice("Neither the spool nor memory has room: steps are being dropped");
  counters.add("dropped", 1);
}

/** Everything is acknowledged, or time is up: what is left stays in the spool for a later reporter. */
function end(): void {
  if (ended) return;
  ended = true;
  clearTimeout(deadline);
  clearTimeout(sending);
  abandoned.stop();
  say({ kind: "ended", spool: leaveSpool() });
  counters.state = "closed";
  port.close();
}

function leaveSpool(): string | undefined {
  if (spool.acknowledged === spool.last) {
    delivery.finish();
    spool.remove();
    return undefined;
  }
  delivery.cancel();
  if (spool.unwritten > 0) {
    notice(
      `${spool.unwritten} messages are lost: the disk did not take them, and the collector has not acknowledged them`,
    );
    counters.add("dropped", spool.unwritten);
  }
  return delivery.conflict ? spool.keep() : spool.release();
}
