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
import type { FlvTag } from "../formats/flv/flv-tag.ts";

const SECONDS = 12;
/** Faster than real time where nothing is encoded. */
const SPEED = { copy: 8, auto: 1 };

type Mode = { readonly ladder: "copy" | "auto"; readonly latency: Latency };
const COPY_MODES: readonly Mode[] = [
  { ladder: "copy", latency: "low" },
  { ladder: "copy", latency: "lowest" },
  { ladder: "copy", latency: "standard" },
];
const AUTO_MODE: Mode = { ladder: "auto", latency: "low" };
const sites = new Map<Mode, TestNode>();
let tags: FlvTag[];

beforeAll(async () => {
  for (const settings of [...COPY_MODES, AUTO_MODE]) {
    sites.set(settings, await startTestNode({ settings, ladder: "low=90@150,high=180@600" }));
  }
  tags = await recordTags({ keyframeSeconds: 2, seconds: SECONDS });
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
  mode: Mode,
  runs: readonly Run[],
  maxHoleS: RecordingCheck["maxHoleS"] = {},
) {
  const site = siteOf(mode);
  const key = `sk_unsteady${(keys += 1).toString().padStart(16, "0")}`;
  const port = Number(new URL(site.publishUrl(key)).port);
  const publishing = { port, streamKey: key, speed: SPEED[mode.ladder] };
  let reading: Promise<PlaylistReader[]> | null = null;
  for (const [index, { sends = () => true, stampMs = dtsMsOf }] of runs.entries()) {
    const publisher = await TagPublisher.open(publishing);
    reading ??= readLive(site.playlistUrl(authorised(site, key).videoUrl));
    await publisher.send(tags.filter(sends), stampMs);
    if (index === runs.length - 1) publisher.stop();
    else publisher.drop();
    await until(() => isAway(site, key, index + 1), 10_000);
  }
  const readers = await until(() => reading, 1000);
  const multivariantUrl = site.playlistUrl(authorised(site, key).videoUrl);
  const recording = await checkRecording({ url: multivariantUrl, maxHoleS });
  const { segments } = readMediaPlaylist(await fetchPlaylist(readers[0]?.url ?? ""));
  return {
    complaints: [...readers.flatMap(({ complaints }) => complaints), ...recording.complaints],
    durationS: recording.renditions[0]?.durationS,
    breaks: segments.filter(({ isDiscontinuous }) => isDiscontinuous).length,
  };
}

/** Every media playlist, read from its first part to ENDLIST. */
async function readLive(url: string): Promise<PlaylistReader[]> {
  const rungs = mediaPlaylistsOf(await fetchPlaylist(url, 15_000), url);
  const readers = [...rungs].map(([name, rung]) => new PlaylistReader(name, rung));
  await Promise.all(readers.map((reader) => reader.run()));
  return readers;
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

function siteOf(mode: Mode): TestNode {
  const site = sites.get(mode);
  if (site === undefined) throw new Error(`there is no node for ${mode.latency}`);
  return site;
}

type Case = {
  readonly name: string;
  readonly runs: readonly Run[];
  readonly durationS: number;
  readonly breaks?: number;
  readonly maxHoleS?: RecordingCheck["maxHoleS"];
};

/** In the middle of a part, and of a segment. */
const JUMP_AT_MS = 5120;

/** `addedS`: what the timeline has of the jump. */
function jump(name: string, jumpMs: number, addedS = jumpMs / 1000): Case {
  const stampMs = ({ dtsMs }: FlvTag) => (dtsMs >= JUMP_AT_MS ? dtsMs + jumpMs : dtsMs);
  return { name: `jumps ${name}`, runs: [{ stampMs }], durationS: SECONDS + addedS };
}

/** Where audio is missing there is silence: no hole of more than a frame. */
function silence(type: FlvTag["type"], maxHoleS: RecordingCheck["maxHoleS"] = {}): Case {
  const isSilent = (tag: FlvTag) =>
    tag.type === type && tag.body[1] !== 0 && tag.dtsMs >= 3000 && tag.dtsMs < 8000;
  const sends = (tag: FlvTag) => !isSilent(tag);
  return { name: `has no ${type} for 5 s`, runs: [{ sends }], durationS: SECONDS, maxHoleS };
}

const upTo = (ms: number): Run => ({ sends: ({ dtsMs }) => dtsMs < ms });
const ELEVEN = jump("by +11 ms", 11);
const THREE_HUNDRED = jump("by +300 ms", 300);
const NO_AUDIO = silence("audio");
const NO_VIDEO = silence("video", { vide: 5.05 });
const RETURNS: Case = {
  name: "drops out and returns twice",
  runs: [upTo(5100), upTo(3700), upTo(6000)],
  durationS: 5.1 + 3.7 + 6,
  breaks: 2,
};
/** `one` without the other track. */
function only(type: FlvTag["type"], one: Case, change: Partial<Case> = {}): Case {
  const runs = one.runs.map((run) => ({ ...run, sends: (tag: FlvTag) => tag.type === type }));
  return { ...one, runs, name: `with ${type} alone ${one.name}`, ...change };
}

const cases: readonly Case[] = [
  ELEVEN,
  THREE_HUNDRED,
  NO_AUDIO,
  NO_VIDEO,
  RETURNS,
  jump("by -11 ms", -11),
  // Nothing is lost, and nothing is shown twice: the timeline goes on.
  jump("by -300 ms", -300, 0),
  jump("by +900 ms", 900),
  jump("by +100 s", 100_000, 0),
  jump("back by 100 s", -100_000, 0),
  jump("back to before the wrap at 2^32", 2 ** 32 - 6000, 0),
  only("video", ELEVEN),
  only("video", THREE_HUNDRED),
  only("audio", ELEVEN),
  // Every frame of audio can be begun with: nothing is lost by a break.
  only("audio", THREE_HUNDRED, { durationS: SECONDS, breaks: 1 }),
  {
    name: "wraps at 2^32",
    runs: [{ stampMs: ({ dtsMs }) => dtsMs + 2 ** 32 - JUMP_AT_MS }],
    durationS: SECONDS,
  },
];

async function expectNothingWrong(mode: Mode, one: Case): Promise<void> {
  const { complaints, durationS, breaks } = await broadcast(mode, one.runs, one.maxHoleS);
  expect(complaints).toEqual([]);
  expect(breaks).toBe(one.breaks ?? 0);
  expect(Math.abs((durationS ?? 0) - one.durationS)).toBeLessThan(0.1);
}

describe.each(COPY_MODES)("a source that is copied with the latency $latency", (mode) => {
  test.concurrent.each(cases)(
    "$name, and nothing is wrong",
    (one) => expectNothingWrong(mode, one),
    30_000,
  );
});

/** One encoder at a time, so that it keeps up wherever this runs: what falls behind is another matter. */
test(
  "an encoded rung beside a copy has nothing wrong over jumps, silence and returns",
  async () => {
    const until6s = upTo(6000).sends;
    const jumps = [...ELEVEN.runs, ...THREE_HUNDRED.runs].map((run) => ({
      ...run,
      sends: until6s,
    }));
    await expectNothingWrong(AUTO_MODE, {
      name: "everything",
      runs: [...jumps, ...NO_VIDEO.runs],
      durationS: 6 + 0.011 + 6.3 + SECONDS,
      breaks: 2,
      maxHoleS: { vide: 5.05 },
    });
  },
  90_000,
);
