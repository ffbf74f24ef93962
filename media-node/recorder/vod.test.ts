import { describe, expect, test } from "vitest";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { RecordedBroadcast, RecordedRendition } from "./journal.ts";
import { planVod } from "./vod.ts";

function rendition(name: RenditionName, msns: readonly number[]): RecordedRendition {
  const inits = [{ number: 0, codecs: ["avc1.64001f", "mp4a.40.2"], width: 640, height: 360 }];
  const segments = msns.map((msn) => ({
    msn,
    initNumber: 0,
    startS: msn * 2,
    durationS: 2,
    isDiscontinuous: false,
    isIndependent: true,
    frames: 60,
    bytes: 250_000,
  }));
  return { name, inits, segments };
}

function broadcast(epoch: number, renditions: readonly RecordedRendition[]): RecordedBroadcast {
  const facts = { videoUrl: "videovideo12", wallClockAtZeroMs: 0, targetDurationS: 2 };
  return { header: { version: 1, epoch, ...facts }, renditions };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const segmentsOf = (text = "") => text.match(/^.*seg-\d+\.m4s$/gm) ?? [];

describe("planVod()", () => {
  test("is null when nothing was stored", () => {
    expect(planVod([])).toBeNull();
    expect(planVod([broadcast(1, [])])).toBeNull();
  });

  test("says what the recording really costs", () => {
    expect(planVod([broadcast(1, [rendition("high", numbers(3))])])).toMatchObject({
      epoch: 1,
      durationMs: 6000,
      bytes: 750_000,
      multivariant: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE
videovideo12/1/high/index.m3u8
`,
    });
  });

  test("leaves out in every rendition what one of them lost, but not what came after its end", () => {
    const low = rendition("low", numbers(30).filter((msn) => msn !== 7));
    const high = rendition("high", numbers(29));
    const plan = planVod([broadcast(1, [low, high])]);
    const [lowText, highText] = plan?.media.map(({ text }) => text) ?? [];
    expect(segmentsOf(lowText)).toHaveLength(29);
    expect(segmentsOf(highText)).toHaveLength(28);
    for (const text of [lowText, highText]) {
      expect(text).not.toContain("seg-7.m4s");
      expect(text?.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    }
  });

  test("keeps what a rendition has in more segments than the others", () => {
    const low = rendition("low", numbers(10));
    const whole = rendition("high", numbers(10)).segments;
    const cut = [{ startS: 6, durationS: 0.5 }, { startS: 6.5, durationS: 1.5 }]
      .flatMap((times) => whole.slice(3, 4).map((segment) => ({ ...segment, ...times })));
    const segments = [...whole.slice(0, 3), ...cut, ...whole.slice(4)]
      .map((segment, msn) => ({ ...segment, msn }));
    const high = { ...rendition("high", []), segments };
    const plan = planVod([broadcast(1, [low, high])]);
    const [lowText, highText] = plan?.media.map(({ text }) => text) ?? [];
    expect([segmentsOf(lowText).length, segmentsOf(highText).length]).toEqual([10, 11]);
    expect(lowText + (highText ?? "")).not.toContain("DISCONTINUITY");

    const lost = { ...high, segments: segments.filter(({ msn }) => msn !== 4) };
    const shorter = planVod([broadcast(1, [low, lost])]);
    for (const { text } of shorter?.media ?? []) {
      expect(segmentsOf(text)).toHaveLength(9);
      expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    }
  });

  test("leaves out a rendition that would cut the others short", () => {
    const plan = planVod([
      broadcast(1, [rendition("low", numbers(20)), rendition("high", numbers(10))]),
    ]);
    expect(plan?.media.map(({ rendition: name }) => name)).toEqual(["low"]);
  });

  test("puts all broadcasts into a video one after the other", () => {
    const both = [rendition("low", numbers(2)), rendition("high", numbers(2))];
    const plan = planVod([broadcast(1, both), broadcast(4, both)]);
    expect(plan?.epoch).toBe(4);
    expect(segmentsOf(plan?.media[1]?.text)).toEqual([
      "../../1/high/seg-0.m4s",
      "../../1/high/seg-1.m4s",
      "seg-0.m4s",
      "seg-1.m4s",
    ]);
    expect(plan?.media[1]?.text).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-0.mp4"');
  });
});
