import { describe, expect, test } from "vitest";
import { encodeAmf0 } from "./amf0.ts";
import { parseMetadata, parseScriptTag, stripSetDataFrame } from "./script-tag.ts";

const bytes = (values: readonly number[]) => Uint8Array.from(values);

describe("script tags", () => {
  const dataFrame = encodeAmf0("@setDataFrame", "onMetaData", {
    framerate: 29.97,
    encoder: "obs",
    stereo: true,
    nested: { a: 1 },
    __proto__x: 1,
  });

  test("stripSetDataFrame() leaves what a file would hold", () => {
    expect(stripSetDataFrame(dataFrame)).toEqual(dataFrame.subarray(16));
    expect(stripSetDataFrame(dataFrame.subarray(16))).toEqual(dataFrame.subarray(16));
  });

  test("parseMetadata() keeps scalars", () => {
    expect(parseMetadata(dataFrame)).toEqual(
      new Map<string, unknown>([
        ["framerate", 29.97],
        ["encoder", "obs"],
        ["stereo", true],
        ["__proto__x", 1],
      ]),
    );
    expect(parseMetadata(encodeAmf0("onTextData", { text: "hi" }))).toBeNull();
  });

  test("parseScriptTag() answers null to bytes that are no AMF0", () => {
    for (const body of [[], [2, 0xff], [0x0a, 0xff, 0xff, 0xff, 0xff], [0, 1]]) {
      expect(parseScriptTag(bytes(body))).toBeNull();
      expect(parseMetadata(bytes(body))).toBeNull();
    }
  });
});

test("no body of random bytes makes the parser throw", () => {
  let seed = 7;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  for (let round = 0; round < 20_000; round += 1) {
    parseScriptTag(Uint8Array.from({ length: next() % 24 }, () => next() & 0xff));
  }
});
