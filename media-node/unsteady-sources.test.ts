/**
 * Sources whose clocks jump, whose tracks fall silent and whose publishers drop out, through a whole
 * node: neither in any load of the live playlist nor in the recording is there anything to complain
 * about.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Latency } from "#shared/contracts/broadcast.ts";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkRecording, type RecordingCheck } from "#test/helpers/check-recording.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "#test/helpers/media-node.ts";
import { PlaylistReader } from "#test/helpers/playlist-reader.ts";
import { recordTags, TagPublisher } from "#test/helpers/tag-publisher.ts";
import { until } from "#test/helpers/until.ts";
import type { FlvTag } from "./media.ts";

const SECONDS = 12;
const latencies: Latency[] = ["low", "lowest", "standard"];
const sites = new Map<Latency, TestNode>();
let tags: FlvTag[];

beforeAll(async () => {
  for (const latency of latencies) {
    sites.set(latency, await startTestNode({ settings: { ladder: "copy", latency } }));
  }
  tags = await recordTags({ size: "160x90", keyframeSeconds: 2, seconds: SECONDS });
});
afterAll(async () => {
  for (const site of sites.values()) await site.stop();
});

/** One run of a publisher: what it sends, and how it stamps that. */
type Run = {
  readonly sends?: (tag: FlvTag) => boolean;
  readonly stampMs?: (tag: FlvTag) => number;
};

const dtsMsOf = ({ dtsMs }: FlvTag) => dtsMs;

let keys = 0;

/** Publishes `runs` one after the other, the plug pulled between them; what was seen of it. */
async function broadcast(
  latency: Latency,
  runs: readonly Run[],
  maxHoleS: RecordingCheck["maxHoleS"] = {},
) {
  const site = siteOf(latency);
  const key = `sk_unsteady${(keys += 1).toString().padStart(16, "0")}`;
  const port = Number(new URL(site.publishUrl(key)).port);
  let reading: Promise<PlaylistReader> | null = null;
  for (const [index, { sends = () => true, stampMs = dtsMsOf }] of runs.entries()) {
    const publisher = await TagPublisher.open(port, key);
    reading ??= readLive(site.playlistUrl(authorised(site, key).videoUrl));
    await publisher.send(tags.filter(sends), stampMs);
    if (index === runs.length - 1) publisher.stop();
    else publisher.drop();
    await until(() => isAway(site, key, index + 1), 10_000);
  }
  const { complaints, url } = await until(() => reading, 1000);
  const multivariantUrl = site.playlistUrl(authorised(site, key).videoUrl);
  const recording = await checkRecording({ url: multivariantUrl, maxHoleS });
  const { segments } = readMediaPlaylist(await fetchPlaylist(url));
  return {
    complaints: [...complaints, ...recording.complaints],
    durationS: recording.renditions[0]?.durationS,
    breaks: segments.filter(({ isDiscontinuous }) => isDiscontinuous).length,
  };
}

/** A playlist that is read from its first part to ENDLIST. */
async function readLive(url: string): Promise<PlaylistReader> {
  const [[name, rung] = ["", ""]] = mediaPlaylistsOf(await fetchPlaylist(url, 15_000), url);
  const reader = new PlaylistReader(name, rung);
  await reader.run();
  return reader;
}

/** Whether the publisher of `key` is gone for the `times`th time. */
function isAway(site: TestNode, key: string, times: number): boolean {
  const { broadcastId } = authorised(site, key);
  const waits = site.log.filter((line) =>
    line.event === "broadcast.waiting" && line["broadcastId"] === broadcastId
  );
  return waits.length >= times ||
    site.control.ended.some((report) => report.broadcastId === broadcastId);
}

function authorised(site: TestNode, key: string) {
  const answer = site.control.authorised.get(key);
  if (answer === undefined) throw new Error(`${key} was not authorised`);
  return answer;
}

function siteOf(latency: Latency): TestNode {
  const site = sites.get(latency);
  if (site === undefined) throw new Error(`there is no node for ${latency}`);
  return site;
}

const isHeader = ({ body }: FlvTag) => body[1] === 0;
const isKind = (tag: FlvTag, type: FlvTag["type"]) => tag.type === type && !isHeader(tag);
/** In the middle of a part, and of a segment. */
const JUMP_AT_MS = 5120;

describe.each(latencies)("with the latency %s", (latency) => {
  test.concurrent.each<[string, number, number]>([
    ["+11 ms", 11, 0.011],
    ["-11 ms", -11, -0.011],
    ["+300 ms", 300, 0.3],
    ["-300 ms", -300, -0.3],
    ["+900 ms", 900, 0.9],
    ["+100 s", 100_000, 0],
    ["back by 100 s", -100_000, 0],
    ["back to before the wrap at 2^32", 2 ** 32 - 6000, 0],
  ])("a source's clock may jump %s", async (_, jumpMs, addedS) => {
    const stampMs = ({ dtsMs }: FlvTag) => (dtsMs >= JUMP_AT_MS ? dtsMs + jumpMs : dtsMs);
    // What a jump of both clocks leaves out cannot be heard either.
    const maxHoleS = { soun: Math.max(0, addedS) + 0.03 };
    const { complaints, durationS, breaks } = await broadcast(latency, [{ stampMs }], maxHoleS);
    expect(complaints).toEqual([]);
    expect(breaks).toBe(0);
    expect(Math.abs((durationS ?? 0) - SECONDS - addedS)).toBeLessThan(0.1);
  }, 30_000);

  test.concurrent("timestamps may wrap at 2^32", async () => {
    const stampMs = ({ dtsMs }: FlvTag) => dtsMs + 2 ** 32 - JUMP_AT_MS;
    const { complaints, durationS, breaks } = await broadcast(latency, [{ stampMs }]);
    expect(complaints).toEqual([]);
    expect(breaks).toBe(0);
    expect(durationS).toBeCloseTo(SECONDS, 1);
  }, 30_000);

  test.concurrent("audio may stop for 5 s", async () => {
    const sends = (tag: FlvTag) => !isKind(tag, "audio") || !isWithin(tag, 3000, 8000);
    const { complaints, durationS, breaks } = await broadcast(latency, [{ sends }], { soun: 5.05 });
    expect(complaints).toEqual([]);
    expect(breaks).toBe(0);
    expect(durationS).toBeCloseTo(SECONDS, 1);
  }, 30_000);

  test.concurrent("video may stop for 5 s while audio goes on", async () => {
    const sends = (tag: FlvTag) => !isKind(tag, "video") || !isWithin(tag, 3000, 8000);
    const { complaints, durationS, breaks } = await broadcast(latency, [{ sends }], { vide: 5.05 });
    expect(complaints).toEqual([]);
    expect(breaks).toBe(0);
    expect(durationS).toBeCloseTo(SECONDS, 1);
  }, 30_000);

  test.concurrent("a publisher may drop out and return twice", async () => {
    const runs = [
      { sends: (tag: FlvTag) => tag.dtsMs < 5100 },
      { sends: (tag: FlvTag) => tag.dtsMs < 3700 },
      {},
    ];
    const { complaints, durationS, breaks } = await broadcast(latency, runs);
    expect(complaints).toEqual([]);
    expect(breaks).toBe(2);
    expect(Math.abs((durationS ?? 0) - 5.1 - 3.7 - SECONDS)).toBeLessThan(0.2);
  }, 30_000);
});

function isWithin({ dtsMs }: FlvTag, fromMs: number, untilMs: number): boolean {
  return dtsMs >= fromMs && dtsMs < untilMs;
}
