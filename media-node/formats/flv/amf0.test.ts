import { describe, expect, test } from "vitest";
import { Amf0Error, decodeAmf0, decodeAmf0Value, encodeAmf0 } from "./amf0.ts";

describe("decodeAmf0()", () => {
  test("reads back what encodeAmf0() wrote", () => {
    const values = ["connect", 1.5, true, null, undefined, "ключ €"] as const;
    expect(decodeAmf0(encodeAmf0(...values))).toEqual([...values]);
    expect(decodeAmf0(encodeAmf0({ app: "streaming", nested: { a: 1 } }))).toEqual([
      new Map<string, unknown>([["app", "streaming"], ["nested", new Map([["a", 1]])]]),
    ]);
  });

  test.each<[string, number[], unknown]>([
    ["an ECMA array, whatever count it claims", [8, 255, 255, 255, 255, 0, 1, 97, 5, 0, 0, 9], [
      new Map([["a", null]]),
    ]],
    ["an object without its end", [3, 0, 1, 97, 1, 1], [new Map([["a", true]])]],
    ["a strict array", [10, 0, 0, 0, 2, 5, 6], [[null, undefined]]],
    ["a typed object", [16, 0, 1, 88, 0, 1, 97, 5, 0, 0, 9], [new Map([["a", null]])]],
    ["a date", [11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0]],
    ["a long string", [12, 0, 0, 0, 1, 97], ["a"]],
    ["nothing", [], []],
  ])("reads %s", (_name, bytes, values) => {
    expect(decodeAmf0(Uint8Array.from(bytes))).toEqual(values);
  });

  test.each<[string, number[]]>([
    ["an unknown marker", [0x0e]],
    ["a cut-off reference", [7, 0]],
    ["a cut-off number", [0, 1, 2]],
    ["a cut-off string", [2, 0xff, 0xff, 97]],
    ["a cut-off long string", [12, 0xff, 0xff, 0xff, 0xff]],
    ["a cut-off property name", [3, 0, 9, 97]],
    ["a property without value", [3, 0, 1, 97]],
    ["an array of 0xffffffff", [10, 0xff, 0xff, 0xff, 0xff]],
    ["an array longer than the bytes", [10, 0, 0, 0, 3, 5, 5]],
    ["more than 1024 values", new Array(1025).fill(5)],
    ["nested arrays", new Array(20).fill([10, 0, 0, 0, 1]).flat()],
    ["nested objects", new Array(20).fill([3, 0, 1, 97]).flat()],
  ])("refuses %s", (_name, bytes) => {
    expect(() => decodeAmf0(Uint8Array.from(bytes))).toThrow(Amf0Error);
  });

  test("keeps __proto__ a name like any other", () => {
    const [object] = decodeAmf0(Uint8Array.of(3, 0, 9, ...Buffer.from("__proto__"), 5, 0, 0, 9));
    expect(object).toEqual(new Map([["__proto__", null]]));
    expect(Object.prototype).not.toHaveProperty("polluted");
  });
});

test("decodeAmf0Value() tells where the first value ends", () => {
  const bytes = encodeAmf0("@setDataFrame", "onMetaData");
  expect(decodeAmf0Value(bytes)).toEqual({ value: "@setDataFrame", byteLength: 16 });
});
