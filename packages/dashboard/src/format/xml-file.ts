// XML as a file.

/** What XML 1.0 has no way to write, not even escaped: most controls, halves of surrogate pairs, U+FFFE and U+FFFF. */
const impossible = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** @param root markup of the one element; a character that XML cannot hold becomes U+FFFD, because one such makes a file unreadable */
export function xmlFile(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root.replace(impossible, "\ufffd")}\n`;
}
