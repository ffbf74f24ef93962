import { describe, expect, test } from "vitest";
import { checkDelta, checkReload } from "./check-reload.ts";

/** A live playlist with the segments `from` to 9 of 2 s, and parts of an open one. */
function playlistOf(
  from: number,
  change: { parts?: number; skipped?: number; tail?: string } = {},
) {
  const { parts = 1, skipped = 0, tail } = change;
  const segments = Array.from({ length: 10 - from - skipped }, (_, index) => {
    const msn = from + skipped + index;
    const isBroken = msn === 2;
    const clock = new Date(Date.UTC(2026, 0, 1, 0, 0, 2 * msn)).toISOString();
    return `${isBroken ? "#EXT-X-DISCONTINUITY\n" : ""}${
      index === 0 ? '#EXT-X-MAP:URI="i.mp4"\n' : ""
    }` +
      `#EXT-X-PROGRAM-DATE-TIME:${clock}\n#EXTINF:2,\nseg-${msn}.m4s\n`;
  });
  const open = Array.from(
    { length: parts },
    (_, index) => `#EXT-X-PART:DURATION=0.33,URI="part-${60 + index}.m4s"\n`,
  );
  const hint = tail ?? `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-${60 + parts}.m4s"\n`;
  return `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.02
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:${from}
#EXT-X-DISCONTINUITY-SEQUENCE:${from > 2 ? 1 : 0}
${skipped === 0 ? "" : `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}\n`}${segments.join("")}${
    open.join("")
  }${hint}`;
}

const LIVE = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.02
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2,
seg-3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXT-X-PART:DURATION=0.33,URI="part-6.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33,URI="part-7.m4s"
#EXTINF:0.66,
seg-4.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-8.m4s"
`;

describe("checkReload()", () => {
  test.each([
    ["#EXT-X-MEDIA-SEQUENCE:3", "#EXT-X-MEDIA-SEQUENCE:2", "mediaSequence went back from 3 to 2"],
    ["#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:3", "targetDurationS changed from 2 to 3"],
    ["seg-3.m4s", "seg-9.m4s", "segment 3 changed"],
    ["#EXT-X-MAP", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP", "the discontinuity of segment 3 changed"],
    ["#EXTINF:0.66,\nseg-4.m4s\n", "", "segments vanished from the end"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkReload(LIVE, LIVE)).toEqual([]);
    expect(checkReload(LIVE, LIVE.replace(from, to))).toContain(complaint);
  });
});

describe("checkReload() over time", () => {
  test("has nothing against a playlist that moves on", () => {
    expect(checkReload(playlistOf(1), playlistOf(1, { parts: 3 }))).toEqual([]);
    expect(checkReload(playlistOf(1), playlistOf(4))).toEqual([]);
  });

  test.each([
    [
      "DISCONTINUITY-SEQUENCE:1",
      "DISCONTINUITY-SEQUENCE:0",
      "discontinuitySequence is 0, with what left the playlist it should be 1",
    ],
    ["part-60.m4s", "part-59.m4s", "parts of segment 10 changed"],
    ["part-61.m4s", "part-71.m4s", "part-61.m4s was hinted, part-71.m4s came"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    const after = playlistOf(4, { parts: 2 }).replace(from, to);
    expect(checkReload(playlistOf(1), after)).toContain(complaint);
  });

  test("complains about a playlist that became too short", () => {
    expect(checkReload(playlistOf(1), playlistOf(8)))
      .toContain("segments left, and 4.000 s are no three target durations");
  });

  test("complains about an end that is not final", () => {
    const ended = playlistOf(1, { parts: 0, tail: "#EXT-X-ENDLIST\n" });
    expect(checkReload(playlistOf(1, { parts: 0 }), ended)).toEqual([]);
    expect(checkReload(ended, playlistOf(1))).toContain("EXT-X-ENDLIST vanished");
    const more = ended.replace("#EXT-X-ENDLIST", "#EXTINF:2,\nseg-10.m4s\n#EXT-X-ENDLIST");
    expect(checkReload(ended, more)).toContain("segments came after EXT-X-ENDLIST");
  });
});

describe("checkDelta()", () => {
  const full = playlistOf(1);
  test("has nothing against an update that says the same", () => {
    expect(checkDelta(full, playlistOf(1, { skipped: 3 }), full)).toEqual([]);
    expect(checkDelta(full, playlistOf(2, { skipped: 2, parts: 2 }), playlistOf(2))).toEqual([]);
  });

  test.each([
    [
      "a longer skip",
      playlistOf(1, { skipped: 5 }),
      "the delta update keeps 8.330 s, CAN-SKIP-UNTIL is 12",
    ],
    [
      "another segment",
      playlistOf(1, { skipped: 3 }).replace("seg-7.m4s", "seg-77.m4s"),
      "the delta update makes another segment 7",
    ],
    [
      "a shifted number",
      playlistOf(1, { skipped: 3 }).replace("SEQUENCE:1", "SEQUENCE:2"),
      "the delta update makes another segment 5",
    ],
    [
      "no boundary",
      playlistOf(1, { skipped: 3 }).replace("CAN-SKIP-UNTIL=12,", ""),
      "EXT-X-SKIP without CAN-SKIP-UNTIL",
    ],
  ])("complains about %s", (_, delta, complaint) => {
    expect(checkDelta(full, delta, full)).toContain(complaint);
  });

  test("complains about skipping what was never listed", () => {
    expect(checkDelta(playlistOf(4), playlistOf(1, { skipped: 3 }), full))
      .toContain("the delta update skips segments that were never listed");
  });
});
