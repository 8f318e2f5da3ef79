// The collector's log: on standard error, one JSON object a line for programs, or coloured lines for a person.
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export interface LogOptions {
  logLevel: string;
  logFormat: "json" | "pretty";
}

export function openLog({ logLevel, logFormat }: LogOptions): Logger {
  // Written at once: the last line before a crash is the one that matters.
  const destination =
    logFormat === "pretty"
      ? pretty({
          destination: 2,
          sync: true,
          ignore: "pid,hostname,name",
          translateTime: "SYS:HH:MM:ss.l",
          errorLikeObjectKeys: ["error"],
        })
      : pino.destination({ fd: 2, sync: true });
  return pino({ name: "collector", level: logLevel, errorKey: "error" }, destination);
}
