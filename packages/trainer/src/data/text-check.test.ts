import { expect, test } from "vitest";
import { TextCheck } from "./text-check.ts";

function check(...chunks: Uint8Array[]): void {
  const text = new TextCheck("a.txt");
  for (const chunk of chunks) text.push(chunk);
  text.end();
}

test("characters may be cut anywhere between chunks", () => {
  const bytes = Buffer.from("aé日😀\n");
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      check(bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second));
    }
  }
});

test("what is not UTF-8 is refused, wherever it is cut", () => {
  const wrong = [[0xe9, 0x61], [0x80], [0xf0, 0x9f, 0x98], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xff, 0xff, 0xff, 0xff]];
  for (const bytes of wrong.map((tail) => Uint8Array.from([0x61, ...tail]))) {
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(() => check(bytes.subarray(0, cut), bytes.subarray(cut))).toThrow("a.txt is not valid UTF-8");
    }
  }
});

test("a NUL is refused at its position in the file", () => {
  expect(() => check(Buffer.from("abc"), Buffer.from("d\0"))).toThrow("a.txt is a binary file (NUL at byte 4)");
});
