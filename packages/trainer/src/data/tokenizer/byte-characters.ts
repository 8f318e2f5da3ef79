// A character for each byte, as GPT-2 chose them: those of Latin-1 that print stand for themselves, the others for U+0100 and on.

const characters = createCharacters();

function createCharacters(): string[] {
  const prints = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : 0x100 + others++));
}

/** The bytes of the text in UTF-8, each as its character. */
export function byteCharacters(text: string): string {
  let written = "";
  for (const byte of Buffer.from(text)) written += characters[byte];
  return written;
}
