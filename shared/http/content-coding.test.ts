import { expect, test } from "vitest";
import { chooseCoding, type ContentCoding } from "./content-coding.ts";

const ALL: readonly ContentCoding[] = ["br", "gzip"];

test.each<[string | null, readonly ContentCoding[], ContentCoding | null]>([
  // What browsers, curl, and those who say nothing send.
  ["gzip, deflate, br, zstd", ALL, "br"],
  ["gzip, deflate", ALL, "gzip"],
  ["deflate, zstd", ALL, "identity"],
  [null, ALL, "identity"],
  ["", ALL, "identity"],
  ["*", ALL, "br"],
  // Only what is there.
  ["gzip, br", ["gzip"], "gzip"],
  ["gzip, br", [], "identity"],
  // Weights.
  ["br;q=0.5, gzip", ALL, "gzip"],
  ["br;q=0.5, gzip;q=0.5", ALL, "br"],
  ["gzip;q=0.001", ALL, "gzip"],
  ["br;q=0, gzip;q=0", ALL, "identity"],
  ["br ; Q=0.000 , gzip ; q=1.000", ALL, "gzip"],
  ["*;q=0.3, br;q=0", ALL, "gzip"],
  // Identity: named, forbidden, and what is left then.
  ["identity", ALL, "identity"],
  ["identity, gzip;q=0.5", ALL, "identity"],
  ["identity;q=0.5, gzip", ALL, "gzip"],
  ["identity, br", ALL, "br"],
  ["identity;q=0, gzip", ALL, "gzip"],
  ["identity;q=0", ALL, null],
  ["*;q=0", ALL, null],
  ["*;q=0, identity", ALL, "identity"],
  ["*;q=0, gzip", [], null],
  // Names have no case, and an old one; what cannot be read is not there.
  ["GZIP", ALL, "gzip"],
  ["x-gzip", ALL, "gzip"],
  ["br;q=2, gzip;q=x, deflate;q=", ALL, "identity"],
  ["br;level=9, , ;q=1", ALL, "identity"],
  ["brotli, gzippy", ALL, "identity"],
])("chooseCoding(%j, %j) is %j", (acceptEncoding, available, chosen) => {
  expect(chooseCoding(acceptEncoding, available)).toBe(chosen);
});
