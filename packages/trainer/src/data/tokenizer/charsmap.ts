// SentencePiece's compiled normalization rules: a double array of prefixes, and the texts that take their place.
import type { FilePart } from "./file-part.ts";

/** Bytes of UTF-8 that a cluster of characters has at most to be looked up whole. */
const clusterLimit = 5;
/** UTF-16 units that are segmented at once. */
const segmentedAtOnce = 256;
const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * What is segmented at once: between two characters of ASCII there is always a border, but for CR LF. An ASCII character may belong to
 * what comes before or after it.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them.
const runs = /\r\n|(?:[\0-\x7f]?[^\0-\x7f]+)+[\0-\x0c\x0e-\x7f]?|[\0-\x7f]/g;

/** @throws DataError when it is no such map */
export function charsmapOf(part: FilePart): (text: string) => string {
  const find = lookupOf(part);
  const replaceCluster = (cluster: string) => {
    const isCharacter = cluster.length === 1;
    const whole = isCharacter || Buffer.byteLength(cluster) <= clusterLimit ? find(cluster) : undefined;
    if (whole !== undefined) return whole;
    if (isCharacter) return cluster;
    let replaced = "";
    for (const character of cluster) replaced += find(character) ?? character;
    return replaced;
  };
  return (text) => {
    let replaced = "";
    for (const run of text.match(runs) ?? []) {
      if (run.length === 1) replaced += replaceCluster(run);
      else for (const cluster of clustersOf(run)) replaced += replaceCluster(cluster);
    }
    return replaced;
  };
}

/** In windows that begin where a cluster does: the time of `Intl.Segmenter` grows with the square of its text. */
function* clustersOf(text: string): Generator<string> {
  let size = segmentedAtOnce;
  for (let start = 0; start < text.length; ) {
    const isCut = start + size < text.length;
    const end = start + size + (isCut && text.codePointAt(start + size - 1)! > 0xffff ? 1 : 0);
    const found = Array.from(clusters.segment(text.slice(start, end)), ({ segment }) => segment);
    // The last may go on behind the window.
    if (end < text.length) found.pop();
    size = found.length === 0 ? 2 * size : segmentedAtOnce;
    for (const cluster of found) {
      yield cluster;
      start += cluster.length;
    }
  }
}

/** @returns what takes the place of the shortest prefix of a text that the map knows */
function lookupOf(part: FilePart): (text: string) => string | undefined {
  const bytes = Buffer.from(part.text("precompiled_charsmap"), "base64");
  const size = bytes.length < 4 ? -1 : bytes.readUInt32LE(0);
  if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length) part.refuse("has a precompiled_charsmap that is cut off");
  const units = new Uint32Array(size / 4);
  for (let index = 0; index < units.length; index++) units[index] = bytes.readUInt32LE(4 + 4 * index);
  const texts = bytes.subarray(4 + size);
  const found = new Map<string, string | undefined>();
  return (text) => {
    if (found.has(text)) return found.get(text);
    const position = shortestPrefix(units, Buffer.from(text));
    const value = position === undefined ? undefined : textAt(texts, position);
    found.set(text, value);
    return value;
  };
}

/** Units of Darts-clone: bits 0-7 a label, 8 whether a value follows, 9 and 10-31 the offset; a value has bit 31 set. */
function shortestPrefix(units: Uint32Array, key: Uint8Array): number | undefined {
  const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let place = offsetOf(units[0]!);
  for (const byte of key) {
    if (byte === 0) return undefined;
    place ^= byte;
    const unit = units[place] ?? 0;
    if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
    place ^= offsetOf(unit);
    if ((unit & 0x100) !== 0) return units[place]! & 0x7fffffff;
  }
  return undefined;
}

function textAt(texts: Buffer, start: number): string {
  const end = texts.indexOf(0, start);
  return texts.toString("utf8", start, end === -1 ? texts.length : end);
}
