import { expect, test } from "vitest";
import { readHeaderValue } from "./header-parameters.ts";

const read = (header: string) => {
  const { value, parameters } = readHeaderValue(header);
  return [value, Object.fromEntries(parameters)];
};

test("readHeaderValue() reads tokens, quotes, escapes and blanks", () => {
  expect(read("Form-Data")).toEqual(["form-data", {}]);
  expect(read(`a; B=c d ;e = "f\\"\\\\;g" ; h="";i=`))
    .toEqual(["a", { b: "c d", e: 'f"\\;g', h: "", i: "" }]);
});

test("readHeaderValue() keeps the first of two and passes over what is no parameter", () => {
  expect(read(`a; b=1; B=2; c; ="d"; e="f"g"; h=3`)).toEqual(["a", { b: "1", h: "3" }]);
});

test.each([";a=", "; ", '; a="', '; a="\\', ' ;a = "', "; a = b ", '"'])(
  "readHeaderValue() is quick with 8 KiB of %j",
  (piece) => {
    const padded = [piece.repeat(8192 / piece.length), piece + " ".repeat(8192) + '"'];
    const startedAt = performance.now();
    for (const header of padded) readHeaderValue(`a${header}`);
    expect(performance.now() - startedAt).toBeLessThan(500);
  },
);
