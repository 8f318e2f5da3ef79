// The collector's log: one JSON object a line, on standard error or wherever the program wants it.
import { type Logger, pino } from "pino";

export interface LogOptions {
  logLevel: string;
  logTo?: (line: string) => void;
}

export function openLog({ logLevel, logTo }: LogOptions): Logger {
  // Written at once: the last line before a crash is the one that matters.
  const destination = logTo ? { write: logTo } : pino.destination({ fd: 2, sync: true });
  return pino({ name: "collector", level: logLevel, errorKey: "error" }, destination);
}
