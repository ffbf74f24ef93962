import { expect, test } from "vitest";
import type { Encoded } from "./encoded.ts";
import { FrameBarrier } from "./frame-barrier.ts";

const frame = (engineMs: number): Encoded => ({
  kind: "frame",
  engineMs,
  isKeyframe: false,
  data: Uint8Array.of(9),
});
const header: Encoded = { kind: "config", config: Uint8Array.of(1) };

function startBarrier(rungs: number) {
  const seen: string[] = [];
  const barrier = new FrameBarrier(
    rungs,
    (rung, encoded) =>
      seen.push(`${rung}:${encoded.kind === "config" ? "header" : encoded.engineMs}`),
  );
  return { barrier, take: () => seen.splice(0) };
}

test("a single rung never waits", () => {
  const { barrier, take } = startBarrier(1);
  for (const one of [header, frame(1000), frame(1033)]) barrier.push(0, one);
  expect(take()).toEqual(["0:header", "0:1000", "0:1033"]);
});

test("a frame waits until every rung has it", () => {
  const { barrier, take } = startBarrier(3);
  for (const dtsMs of [1000, 1033]) barrier.push(0, frame(dtsMs));
  barrier.push(2, frame(1000));
  expect(take()).toEqual([]);
  barrier.push(1, frame(1000));
  expect(take()).toEqual(["0:1000", "1:1000", "2:1000"]);
  barrier.push(2, frame(1033));
  barrier.push(1, frame(1033));
  expect(take()).toEqual(["0:1033", "1:1033", "2:1033"]);
});

test("a rung without a frame holds nobody back once it is further", () => {
  const { barrier, take } = startBarrier(2);
  for (const dtsMs of [1000, 1033, 1067]) barrier.push(0, frame(dtsMs));
  barrier.push(1, frame(1067));
  expect(take()).toEqual(["0:1000", "0:1033", "0:1067", "1:1067"]);
});

test("headers come before the frames of every rung, and none of them alone", () => {
  const { barrier, take } = startBarrier(2);
  barrier.push(0, header);
  barrier.push(1, header);
  expect(take()).toEqual([]);
  barrier.push(0, frame(1000));
  barrier.push(1, frame(1000));
  expect(take()).toEqual(["0:header", "1:header", "0:1000", "1:1000"]);
});
