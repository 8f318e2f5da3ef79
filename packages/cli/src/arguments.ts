// Values of options, checked as they are read.
import { ORIGIN } from "@moescope/telemetry";
import { InvalidArgumentError } from "commander";

/** A whole number from `least`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const upTo = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
    throw new InvalidArgumentError(`Allowed are whole numbers from ${least}${upTo}.`);
  };
}

/** A number above 0, up to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= 1) return value;
  throw new InvalidArgumentError("Allowed are numbers above 0, up to 1.");
}

/** Steps of the narrowest sums that a collector stores. */
export function multipleOf32(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0 && value % 32 === 0 && value <= 65_536) return value;
  throw new InvalidArgumentError("Allowed are multiples of 32 from 32 to 65536.");
}

/** all, 20000 or 30d */
export function keptSteps(text: string): "all" | { steps: number } | { milliseconds: number } {
  if (text === "all") return text;
  const [, digits, days] = /^(\d{1,9})(d?)$/.exec(text) ?? [];
  const count = Number(digits);
  if (count > 0) return days ? { milliseconds: count * 86_400_000 } : { steps: count };
  throw new InvalidArgumentError("Allowed are all, a number of steps as in 20000, and a number of days as in 30d.");
}

/** A port to listen on; 0 lets the system choose. */
export const port = wholeNumber(0, 65535);

/** What a run's random numbers begin with. */
export const seed = wholeNumber(0, 0xffffffff);

/** 0,1,2 */
export function seedList(text: string): number[] {
  const seeds = list(text).map(seed);
  if (new Set(seeds).size === seeds.length) return seeds;
  throw new InvalidArgumentError("Allowed is a list in which every seed stands once, as in 0,1,2.");
}

/** host:port */
export function address(text: string): string {
  const [, portText = ""] = /^(?:\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d+)$/.exec(text) ?? [];
  if (Number(portText) >= 1 && Number(portText) <= 65535) return text;
  throw new InvalidArgumentError("Allowed is HOST:PORT, as in 127.0.0.1:4681.");
}

/** http://host:port */
export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new InvalidArgumentError("Allowed is a URL that starts with http:// or https://.");
}

/** One, or several joined by commas. */
export function httpUrls(text: string): string[] {
  return text.split(",").map(httpUrl);
}

/** Origins of pages, joined by commas; or `none`. */
export function origins(text: string): string[] {
  const pages = text === "none" ? [] : list(text);
  if (pages.every((page) => ORIGIN.test(page))) return pages;
  throw new InvalidArgumentError("Allowed are none, or origins of pages, as in http://lab:8888.");
}

/** 0,3: indices of MoE layers */
export function layerList(text: string): number[] {
  if (/^\d+(,\d+)*$/.test(text)) return text.split(",").map(Number);
  throw new InvalidArgumentError("Allowed are layer numbers, as in 0,3.");
}

/** For options that may be given several times. */
export function repeated(text: string, earlier: string[] = []): string[] {
  return [...earlier, text];
}

/** a,b,c */
export function list(text: string): string[] {
  const values = text.split(",").map((value) => value.trim());
  if (values.every((value) => value !== "")) return values;
  throw new InvalidArgumentError("Allowed is a list such as a,b.");
}
