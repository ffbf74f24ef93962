import { expect, test } from "vitest";
import { readSei } from "./sei.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("readSei() reads a recovery point: pictures until all is right", () => {
  expect(readSei(hex("06 06 01 c4 80"))).toEqual({ recoveryFrames: 0, hasCaptions: false });
  // recovery_frame_cnt 29: 00001 1110
  expect(readSei(hex("06 06 02 0f40 80")).recoveryFrames).toBe(29);
});

test("readSei() finds captions behind other messages, of any size", () => {
  const unregistered = `05 ff05 ${"11".repeat(260)}`;
  const captions = "04 0d b5 0031 47413934 03 41 ff fc 80 80";
  expect(readSei(hex(`06 ${unregistered} ${captions} 80`)).hasCaptions).toBe(true);
  expect(readSei(hex("06 04 08 b5 0031 44544731 41 80")).hasCaptions).toBe(false);
});

test("readSei() leaves out what is cut off", () => {
  for (const text of ["06", "0606", "060601", "06ffffff", "0604ff", "06060100 80"]) {
    expect(readSei(hex(text))).toMatchObject({ hasCaptions: false });
  }
});
