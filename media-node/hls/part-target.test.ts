import { describe, expect, test } from "vitest";
import { partTargetMsOf } from "./part-target.ts";

const RATES = [10, 12, 15, 24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60];

describe("partTargetMsOf()", () => {
  test("is 210 ms and 340 ms at 30 fps, and nothing at standard latency", () => {
    expect(partTargetMsOf("lowest", 1000 / 30)).toBe(210);
    expect(partTargetMsOf("low", 1000 / 30)).toBe(340);
    expect(partTargetMsOf("standard", 1000 / 30)).toBeNull();
  });

  test.each(RATES)("fits one number of frames at %f fps, and that above 85 %%", (fps) => {
    for (const latency of ["lowest", "low"] as const) {
      const targetMs = partTargetMsOf(latency, 1000 / fps) ?? 0;
      const frames = Math.floor(targetMs * fps / 1000);
      // A millisecond of rounding at either end.
      expect(frames * 1000 / fps - 1).toBeGreaterThan(targetMs * 0.85);
      expect((frames + 1) * 1000 / fps - 1).toBeGreaterThan(targetMs);
    }
  });

  test("an audio frame is a frame like any other", () => {
    expect(partTargetMsOf("low", 1024 / 8)).toBe(391);
    expect(partTargetMsOf("low", 1024 / 48)).toBe(348);
  });
});
