/**
 * What belongs to a picture besides its pixels: fields and captions.
 */
import { expect, test } from "vitest";
import { splitNals } from "../../formats/codecs/nal-units.ts";
import type { MediaFrame, VideoConfig, VideoSample } from "../../formats/media.ts";
import { ORIGIN_MS, readMedia, rung, runThrough } from "#test/helpers/engine.ts";
import { runForOutput, runForReport } from "#test/helpers/ffmpeg.ts";
import { readSource, type SourceMedia } from "#test/helpers/source-media.ts";

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** Samples as a raw H.264 stream. */
function toAnnexB(config: VideoConfig, samples: readonly VideoSample[]): Uint8Array {
  const { avcC } = config;
  const view = new DataView(avcC.buffer, avcC.byteOffset);
  const spsBytes = view.getUint16(6);
  const sps = avcC.subarray(8, 8 + spsBytes);
  const ppsBytes = view.getUint16(9 + spsBytes);
  const pps = avcC.subarray(11 + spsBytes, 11 + spsBytes + ppsBytes);
  const nals = [sps, pps, ...samples.flatMap(({ data }) => splitNals(data, 4) ?? [])];
  return Buffer.concat(nals.flatMap((nal) => [START_CODE, nal]));
}

/** 25 pictures a second of two fields each, a box that moves fast. */
async function recordInterlaced(): Promise<SourceMedia> {
  const black = "color=black:size=320x192:rate=50[back]";
  const box = "color=white:size=40x110:rate=50[box];[back][box]overlay=x='mod(n*9,280)':y=40";
  const flv = await runForOutput("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", `${black};${box}`],
    ...["-t", "3", "-vf", "tinterlace=interleave_top,setfield=tff"],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-flags", "+ildct+ilme"],
    ...["-x264-params", "tff=1", "-g", "25", "-f", "flv", "pipe:1"],
  ]);
  return readSource(flv, ORIGIN_MS);
}

/** How many pictures `idet` takes for interlaced. */
async function countInterlaced(stream: Uint8Array): Promise<number> {
  const args = ["-hide_banner", "-f", "h264", "-i", "pipe:0", "-vf", "idet", "-f", "null", "-"];
  const report = await runForReport("ffmpeg", args, stream);
  const [, tff = "", bff = ""] =
    /Multi frame detection: TFF:\s*(\d+)\s+BFF:\s*(\d+)/.exec(report) ?? [];
  return Number(tff) + Number(bff);
}

test("two fields become one picture where the source says so", async () => {
  const media = await recordInterlaced();
  expect(media.video?.isInterlaced).toBe(true);
  const rungs = [rung("low", 320, 192)];
  const encode = async (isInterlaced: boolean) => {
    const video = media.video === null ? null : { ...media.video, isInterlaced };
    const output = await runThrough({ media: { ...media, video }, rungs, fps: 25 });
    const config = output.configs.get("low");
    if (config === undefined) throw new Error("nothing was encoded");
    expect(output.samplesOf("low")).toHaveLength(75);
    expect(output.stepsOf("low")).toEqual(new Set([3600]));
    return await countInterlaced(toAnnexB(config, output.samplesOf("low")));
  };
  expect(await encode(true)).toBe(0);
  // The combs that are baked in otherwise.
  expect(await encode(false)).toBeGreaterThan(50);
});

const GA94 = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34];
const CC_DATA = 3;

/** The two bytes of CEA-608 that frame `n` carries: never zero. */
const captionOf = (n: number) => [0x80 | (0x20 + (n % 60)), 0x80 | (0x21 + (n % 50))];

/** `frame` behind an SEI with captions. @see ITU-T H.264 D.1.6, ATSC A/53 part 4 6.2.3.1 */
function withCaption(frame: MediaFrame, n: number): MediaFrame {
  const userData = [...GA94, CC_DATA, 0x40 | 1, 0xff, 0xfc, ...captionOf(n), 0xff];
  const sei = [6, 4, userData.length, ...userData, 0x80];
  return {
    ...frame,
    data: Buffer.concat([Uint8Array.of(0, 0, 0, sei.length, ...sei), frame.data]),
  };
}

function captionsIn({ data }: VideoSample): number[] {
  for (const nal of splitNals(data, 4) ?? []) {
    const at = Buffer.from(nal).indexOf(Uint8Array.from([...GA94, CC_DATA]));
    if ((nal[0] ?? 0) % 32 === 6 && at >= 0) return [...nal.subarray(at + 11, at + 13)];
  }
  return [];
}

test.each([[30, false], [30, true]])(
  "captions of %i frames a second reach every rung once (interlaced: %s)",
  async (fps, isInterlaced) => {
    const recorded = await readMedia({ seconds: 3, fps });
    const video = recorded.video === null ? null : { ...recorded.video, isInterlaced };
    const media = { ...recorded, video, frames: recorded.frames.map(withCaption) };
    const rungs = [rung("low", 128, 72), rung("mid", 320, 180)];
    const output = await runThrough({ media, rungs, fps });
    const sent = media.frames.map((_, n) => captionOf(n));
    for (const { name } of rungs) expect(output.samplesOf(name).map(captionsIn)).toEqual(sent);
  },
);
