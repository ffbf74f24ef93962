/**
 * The three latencies of a channel, from a publish to what players read. The source is copied: nothing
 * is encoded here.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Latency } from "#shared/contracts/broadcast.ts";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkReload } from "#shared/hls/check-reload.ts";
import { publishArgs, recordFlv, runForOutput } from "#test/helpers/ffmpeg.ts";
import { fetchPlaylist, mediaPlaylistsOf, startTestNode } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

const KEY = "sk_0123456789abcdefghij";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latency-"));
  const pattern = { size: "160x90", videoBitrate: "200k", keyframeSeconds: 2, seconds: 30 };
  await writeFile(join(folder, "source.flv"), await recordFlv(pattern));
});

afterAll(() => rm(folder, { recursive: true }));

/** Reads `url` as a player that knows nothing of parts; how much it got, in seconds. */
async function readPlainly(url: string): Promise<number> {
  const args = ["-v", "error", "-t", "4", "-i", url, "-map", "0:v", "-c", "copy", "-f", "framecrc"];
  const text = Buffer.from(await runForOutput("ffmpeg", [...args, "-"])).toString();
  return text.split("\n").filter((line) => line.startsWith("0,")).length / 30;
}

test.concurrent.each<[Latency, number | null]>([["lowest", 0.21], ["low", 0.34], [
  "standard",
  null,
]])(
  "%s: every reload keeps every rule, and plain players read segments of 2 s",
  async (latency, partTargetS) => {
    const site = await startTestNode({ settings: { latency, ladder: "copy" } });
    const input = ["-re", "-i", join(folder, "source.flv"), "-c", "copy", "-f", "flv"];
    const publisher = publishArgs([...input, site.publishUrl(KEY)]);
    try {
      const { videoUrl } = await until(() => site.control.authorised.get(KEY), 10_000);
      const url = site.playlistUrl(videoUrl);
      const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url, 15_000), url).values()];
      let before = await fetchPlaylist(rung);
      // Two parts are enough to begin with; without parts it takes two segments.
      const early = readMediaPlaylist(before);
      expect(early.partTargetS).toBe(partTargetS);
      expect(early.segments.length < 2).toBe(partTargetS !== null);
      for (let loads = 0; loads < 12; loads += 1) {
        const { mediaSequence, segments, openParts } = readMediaPlaylist(before);
        const msn = mediaSequence + segments.length;
        const part = partTargetS === null ? "" : `&_HLS_part=${openParts.length}`;
        const after = await fetchPlaylist(`${rung}?_HLS_msn=${msn}${part}`);
        expect(readMediaPlaylist(after).complaints).toEqual([]);
        expect(checkReload(before, after)).toEqual([]);
        if (readMediaPlaylist(after).segments.length > 4) break;
        before = after;
      }
      expect(await readPlainly(url)).toBeGreaterThanOrEqual(3.9);
    } finally {
      await publisher.kill();
      await site.stop();
    }
  },
  40_000,
);
