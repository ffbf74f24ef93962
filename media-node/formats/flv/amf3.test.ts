import { describe, expect, test } from "vitest";
import { Amf0Error, decodeAmf0, decodeAmf0Leniently, encodeAmf0 } from "./amf0.ts";

const text = (value: string) => [(value.length << 1) | 1, ...Buffer.from(value)];

describe("decodeAmf0(), AMF3 inside", () => {
  test.each<[string, number[], unknown]>([
    ["undefined", [0], undefined],
    ["null", [1], null],
    ["false", [2], false],
    ["true", [3], true],
    ["an integer of one byte", [4, 0x7f], 127],
    ["an integer of two bytes", [4, 0x81, 0x00], 128],
    ["an integer of four bytes", [4, 0xbf, 0xff, 0xff, 0xff], 268_435_455],
    ["a negative integer", [4, 0xff, 0xff, 0xff, 0xff], -1],
    ["a number", [5, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ["a string", [6, ...text("live")], "live"],
    ["a date", [8, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0],
    ["XML, as null", [11, ...text("<a/>")], null],
    ["bytes, as null", [12, 5, 1, 2], null],
    ["an array", [9, 5, 1, 4, 1, 4, 2], [1, 2]],
    [
      "an array with names",
      [9, 3, ...text("a"), 3, 1, 2],
      new Map<string, unknown>([["a", true], ["0", false]]),
    ],
    ["a dynamic object", [10, 0x0b, 1, ...text("a"), 4, 1, 1], new Map([["a", 1]])],
    ["an object of a class", [10, 0x13, ...text("C"), ...text("a"), 4, 9], new Map([["a", 9]])],
    [
      "a list that Flex wraps",
      [10, 0x07, ...text("flex.messaging.io.ArrayCollection"), 9, 3, 1, 3],
      [true],
    ],
    [
      "references to strings and traits",
      [9, 5, 1, 10, 0x13, 1, ...text("a"), 6, ...text("b"), 10, 1, 6, 2],
      [new Map([["a", "b"]]), new Map([["a", "b"]])],
    ],
    ["an array that holds itself, as null there", [9, 3, 1, 9, 0], [null]],
  ])("reads %s, and AMF0 behind it", (_name, bytes, value) => {
    expect(decodeAmf0(Uint8Array.of(0x11, ...bytes, ...encodeAmf0("next")))).toEqual([
      value,
      "next",
    ]);
  });

  test.each<[string, number[]]>([
    ["nothing", []],
    ["a vector", [0x0d, 3, 0]],
    ["a dictionary", [0x11, 3, 0]],
    ["a cut-off integer", [4, 0xff]],
    ["a cut-off string", [6, 0xff, 0x7f]],
    ["an array longer than the bytes", [9, 0xff, 0xff, 0xff, 0xff, 1]],
    ["more properties than bytes", [10, 0xff, 0xff, 0xff, 0xf3, 1]],
    ["an object of unknown traits", [10, 5]],
    ["an object in a form of its own", [10, 0x07, ...text("Own")]],
    ["nested arrays", new Array(20).fill([9, 3, 1]).flat()],
    ["more than 1024 values", [9, 0x90, 0x01, 1, ...new Array(1100).fill(1)]],
  ])("refuses %s", (_name, bytes) => {
    expect(() => decodeAmf0(Uint8Array.of(0x11, ...bytes))).toThrow(Amf0Error);
  });
});

test("decodeAmf0Leniently() keeps what stands before a value it cannot read", () => {
  const object = [3, 0, 1, 0x61, 2, 0, 1, 0x62, 0, 1, 0x63, 0x11, 0x0d, 3, 0];
  const bytes = Uint8Array.of(...encodeAmf0("connect", 1), ...object);
  expect(decodeAmf0Leniently(bytes, 4)).toEqual(["connect", 1, new Map([["a", "b"]])]);
  expect(decodeAmf0Leniently(encodeAmf0("a", 1, null, "b", "c"), 4)).toEqual(["a", 1, null, "b"]);
  expect(decodeAmf0Leniently(Uint8Array.of(0x0e), 4)).toEqual([]);
});
