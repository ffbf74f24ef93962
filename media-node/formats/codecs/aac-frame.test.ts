import { describe, expect, test } from "vitest";
import { recordFlv, runForOutput } from "#test/helpers/ffmpeg.ts";
import { parseAacConfig } from "./aac-config.ts";
import { readAdts, writeSilentFrame } from "./aac-frame.ts";

/** `data` behind an ADTS header of AAC-LC at 48 kHz. */
function toAdts(data: Uint8Array, channelConfig: number): Uint8Array {
  const length = data.length + 7;
  const bytes = [0xff, 0xf1, (1 << 6) | (3 << 2) | (channelConfig >> 2)];
  bytes.push(((channelConfig & 3) << 6) | (length >> 11), (length >> 3) & 0xff);
  bytes.push(((length & 7) << 5) | 0x1f, 0xfc);
  return Uint8Array.from([...bytes, ...data]);
}

describe("readAdts()", () => {
  test("takes the frames out of what ffmpeg writes, each with its configuration", async () => {
    const adts = await runForOutput("ffmpeg", [
      ...["-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=44100:duration=1"],
      ...["-ac", "2", "-c:a", "aac", "-f", "adts", "pipe:1"],
    ]);
    const frames = readAdts(adts) ?? [];
    expect(frames.length).toBeGreaterThan(40);
    expect(parseAacConfig(frames[0]?.asc ?? new Uint8Array())).toMatchObject({
      codec: "mp4a.40.2",
      sampleRateHz: 44_100,
      channels: 2,
    });
    const bytes = frames.reduce((sum, { data }) => sum + data.length + 7, 0);
    expect(bytes).toBe(adts.length);
  });

  test("is not fooled by raw frames, nor by what is cut off", async () => {
    const flv = await recordFlv({ seconds: 1 });
    expect(readAdts(flv)).toBeNull();
    const one = toAdts(Uint8Array.of(1, 2, 3), 2);
    expect(readAdts(one)?.map(({ data }) => [...data])).toEqual([[1, 2, 3]]);
    expect(readAdts(one.subarray(0, -1))).toBeNull();
    expect(readAdts(Uint8Array.of(...one, 0x21))).toBeNull();
    expect(readAdts(new Uint8Array())).toBeNull();
  });
});

test.each([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6], [8, 7]])(
  "writeSilentFrame(%i) is decoded as silence without a word",
  async (channels, channelConfig) => {
    const frame = toAdts(writeSilentFrame(channels), channelConfig);
    const stream = Buffer.concat(Array.from({ length: 20 }, () => frame));
    const args = ["-v", "warning", "-xerror", "-f", "aac", "-i", "pipe:0", "-f", "s16le", "pipe:1"];
    const samples = await runForOutput("ffmpeg", args, stream);
    expect(samples.length).toBe(20 * 1024 * channels * 2);
    expect(samples.every((byte) => byte === 0)).toBe(true);
  },
);
