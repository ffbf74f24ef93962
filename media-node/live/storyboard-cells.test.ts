import { describe, expect, test } from "vitest";
import { type CellTime, keepCells, MAX_CELLS, renderCells } from "./storyboard-cells.ts";

const ZERO_AT_MS = Date.UTC(2026, 10, 30, 9, 0, 0);
const cell = (ptsMs: number): CellTime => ({ ptsMs, wallClockMs: ZERO_AT_MS + ptsMs });

/** What is left of a cell every ten seconds for `seconds`. */
function keepAll(seconds: number, windowMs: number): readonly CellTime[] {
  let cells: readonly CellTime[] = [];
  for (let ptsMs = 0; ptsMs < seconds * 1000; ptsMs += 10_000) {
    cells = keepCells([...cells, cell(ptsMs)], windowMs);
  }
  return cells;
}

function gapsS(cells: readonly CellTime[]): number[] {
  return cells.slice(1).map(({ ptsMs }, index) => (ptsMs - (cells[index]?.ptsMs ?? 0)) / 1000);
}

describe("keepCells()", () => {
  test("keeps every cell of the first ten minutes", () => {
    const cells = keepAll(600, 7_200_000);
    expect(cells).toHaveLength(MAX_CELLS);
    expect(new Set(gapsS(cells))).toEqual(new Set([10]));
  });

  test("reaches back to the start of the window, closest where it is newest", () => {
    const cells = keepAll(4 * 3600, 7_200_000);
    expect(cells.length).toBeLessThanOrEqual(MAX_CELLS);
    const newestMs = cells.at(-1)?.ptsMs ?? 0;
    expect(newestMs).toBe((4 * 3600 - 10) * 1000);
    const reachMs = newestMs - (cells[0]?.ptsMs ?? 0);
    expect(reachMs).toBeGreaterThan(6_000_000);
    expect(reachMs).toBeLessThanOrEqual(7_200_000);
    const gaps = gapsS(cells);
    expect(new Set(gaps.slice(-6))).toEqual(new Set([10]));
    expect(Math.max(...gaps)).toBeLessThan(900);
  });

  test("leaves out what lies before a short window", () => {
    expect(keepAll(120, 30_000).map(({ ptsMs }) => ptsMs)).toEqual([
      80_000,
      90_000,
      100_000,
      110_000,
    ]);
  });
});

describe("renderCells()", () => {
  test("says which cell is shown from when, and its wall clock", () => {
    const sheet = { image: "storyboard-7.jpg", width: 160, height: 90, stepPx: 96 };
    expect(renderCells([cell(67), cell(10_067), cell(3_625_000)], sheet)).toBe(
      "WEBVTT\n\n" +
        "2026-11-30T09:00:00.067Z\n" +
        "00:00:00.067 --> 00:00:10.067\n" +
        "storyboard-7.jpg#xywh=0,0,160,90\n\n" +
        "2026-11-30T09:00:10.067Z\n" +
        "00:00:10.067 --> 01:00:25.000\n" +
        "storyboard-7.jpg#xywh=0,96,160,90\n\n" +
        "2026-11-30T10:00:25.000Z\n" +
        "01:00:25.000 --> 01:00:35.000\n" +
        "storyboard-7.jpg#xywh=0,192,160,90\n",
    );
  });

  test("is a WebVTT without cues before there is a picture", () => {
    expect(renderCells([], null)).toBe("WEBVTT\n");
  });
});
