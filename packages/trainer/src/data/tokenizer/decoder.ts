// The text that a token stands for, for people to read.
import { type FilePart, kindOf } from "./file-part.ts";
import { createDecoder } from "./hugging-face.ts";

const kinds = {
  BPEDecoder: true,
  ByteFallback: true,
  ByteLevel: true,
  CTC: true,
  Fuse: true,
  Metaspace: true,
  Replace: true,
  Sequence: true,
  Strip: true,
  WordPiece: true,
};

/**
 * @param suffix what marks the end of a word
 * @throws DataError when the kind is not known
 */
export function decoderOf(part: FilePart, suffix: string | undefined): (token: string) => string {
  check(part);
  const decode = createDecoder(part.values);
  return (token) => {
    const text = decode([token]).join("");
    return suffix ? text.replaceAll(suffix, " ") : text;
  };
}

function check(part: FilePart): void {
  kindOf(part, kinds);
  if (part.type === "Sequence") part.parts("decoders").forEach(check);
}
