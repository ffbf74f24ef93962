import { expect, test } from "vitest";
import type { FlvTag } from "./flv-tag.ts";
import { FlvReader } from "./flv-reader.ts";
import { writeFlvHeader, writeFlvTag } from "./flv-writer.ts";

const tags: FlvTag[] = [
  { type: "video", dtsMs: 0, body: Uint8Array.of(0x17, 0, 0, 0, 0, 1, 2, 3) },
  { type: "audio", dtsMs: 0x0102_0304, body: Uint8Array.of(0xaf, 1, 9) },
  { type: "script", dtsMs: 0x00ff_ffff, body: new Uint8Array(70_000).fill(7) },
];

function toBytes(): Uint8Array {
  return Buffer.concat([
    writeFlvHeader({ hasVideo: true, hasAudio: true }),
    ...tags.map((tag) => writeFlvTag(tag, tag.dtsMs)),
  ]);
}

test.each([1, 7, 4096, 1_000_000])(
  "FlvReader reads what the writer wrote, in portions of %i bytes",
  (size) => {
    const bytes = toBytes();
    const read: FlvTag[] = [];
    const reader = new FlvReader((tag) => read.push(tag));
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(read.map((tag) => [tag.type, tag.dtsMs, [...tag.body]])).toEqual(
      tags.map((tag) => [tag.type, tag.dtsMs, [...tag.body]]),
    );
  },
);

test("writeFlvHeader() announces only the tracks there are", () => {
  expect(writeFlvHeader({ hasVideo: true, hasAudio: false })[4]).toBe(1);
  expect(writeFlvHeader({ hasVideo: false, hasAudio: true })[4]).toBe(4);
});

test("FlvReader refuses bytes that are no FLV", () => {
  const reader = new FlvReader(() => {});
  expect(() => reader.push(new Uint8Array(20))).toThrow("not FLV");
});
