import { describe, expect, test } from "vitest";
import { type LivePlaylist, renderLivePlaylist, type SegmentEntry } from "./playlist.ts";

const ZERO_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function segment(msn: number, change: Partial<SegmentEntry> = {}): SegmentEntry {
  return {
    isDiscontinuous: false,
    initUri: "init-0.mp4",
    wallClockMs: ZERO_MS + msn * 2000,
    uri: `seg-${msn}.m4s`,
    durationS: 2,
    parts: [],
    ...change,
  };
}

const part = (number: number, isIndependent = false) => ({
  uri: `part-${number}.m4s`,
  durationS: 1 / 3,
  isIndependent,
});

const playlist: LivePlaylist = {
  targetDurationS: 2,
  partTargetS: 0.34,
  mediaSequence: 7,
  discontinuitySequence: 1,
  segments: [7, 8, 9, 10, 11, 12, 13, 14].map((msn) => segment(msn)),
  open: {
    isDiscontinuous: true,
    initUri: "init-1.mp4",
    wallClockMs: ZERO_MS + 30_000,
    parts: [part(50, true), part(51)],
  },
  preloadHintUri: "part-52.m4s",
  reports: [{ uri: "../low/index.m3u8", lastMsn: 15, lastPart: 1 }],
  isEnded: false,
  canSkip: true,
};

describe("renderLivePlaylist()", () => {
  test("renders parts, hint, reports and a discontinuity with its init segment", () => {
    const short = { ...playlist, segments: [segment(14, { parts: [part(49)], durationS: 1 / 3 })] };
    expect(renderLivePlaylist(short)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.02,HOLD-BACK=6
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:33.000Z
#EXT-X-PART:DURATION=0.33333,URI="part-49.m4s"
#EXTINF:0.33333,
seg-14.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:35.000Z
#EXT-X-PART:DURATION=0.33333,URI="part-50.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33333,URI="part-51.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-52.m4s"
#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=15,LAST-PART=1
`);
  });

  test("a delta update skips what is six target durations old and says the init segment again", () => {
    const lines = renderLivePlaylist(playlist, true).split("\n");
    expect(lines.slice(5, 12)).toEqual([
      "#EXT-X-MEDIA-SEQUENCE:7",
      "#EXT-X-DISCONTINUITY-SEQUENCE:1",
      "#EXT-X-SKIP:SKIPPED-SEGMENTS=2",
      '#EXT-X-MAP:URI="init-0.mp4"',
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:23.000Z",
      "#EXTINF:2,",
      "seg-9.m4s",
    ]);
  });

  test("a delta update never skips a discontinuity", () => {
    const [first = segment(7), ...rest] = playlist.segments;
    const broken = { ...playlist, segments: [{ ...first, isDiscontinuous: true }, ...rest] };
    expect(renderLivePlaylist(broken, true)).toBe(renderLivePlaylist(broken));
  });

  test("the end takes the hint and the reports away", () => {
    const text = renderLivePlaylist({ ...playlist, isEnded: true });
    expect(text).toMatch(/part-51.m4s"\n#EXT-X-ENDLIST\n$/);
  });
});
