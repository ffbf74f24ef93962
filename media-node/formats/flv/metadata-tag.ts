/**
 * The one thing ffmpeg reads from a source's metadata and finds nowhere else: its frame rate.
 */
import type { FlvTag } from "./flv-tag.ts";

const AMF0_NUMBER = 0;
const AMF0_STRING = 2;
const AMF0_ECMA_ARRAY = 8;
const OBJECT_END = [0, 0, 9];

/** An `onMetaData` tag that says how many frames come per second. */
export function writeFrameRate(fps: number): FlvTag {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setFloat64(0, fps);
  const body = Uint8Array.from([
    AMF0_STRING,
    ...name("onMetaData"),
    AMF0_ECMA_ARRAY,
    ...[0, 0, 0, 1],
    ...name("framerate"),
    AMF0_NUMBER,
    ...number,
    ...OBJECT_END,
  ]);
  return { type: "script", dtsMs: 0, body };
}

function name(text: string): number[] {
  return [text.length >> 8, text.length & 0xff, ...Buffer.from(text, "latin1")];
}
