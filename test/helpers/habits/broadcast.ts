/**
 * A publisher's habits through a whole node: published, watched live by readers of every playlist, and
 * measured when it is over.
 */
import type { EndedRequest, StartedRequest } from "#shared/contracts/control.ts";
import { probeUrl } from "#cli/probe/probe.ts";
import { checkRecording, type RecordingCheck } from "#test/helpers/check-recording.ts";
import { fetchPlaylist, mediaPlaylistsOf, type TestNode } from "#test/helpers/media-node.ts";
import { PlaylistReader } from "#test/helpers/playlist-reader.ts";
import { until } from "#test/helpers/until.ts";
import { type MeasuredHabit, measureRendition, readVariants } from "./measure.ts";
import { HabitPublisher } from "./publisher.ts";
import type { WireTag } from "./wire-tag.ts";

/** `low` is encoded; a source of 240 lines that can be copied is `mid`. */
export const HABIT_LADDER = "low=144@250,mid=240@1000";

export type HabitBroadcast = {
  /** What is sent, one publisher after the other: the plug is pulled between them. */
  readonly runs: readonly (readonly WireTag[])[];
  readonly speed?: number;
  readonly chunkBytes?: number;
  /** How long a track may be silent within a run; see `checkRecording`. */
  readonly maxHoleS?: RecordingCheck["maxHoleS"];
  /** Called with the address of the multivariant playlist once the first publisher is let in. */
  readonly onAir?: (url: string) => unknown;
};

export type HabitOutcome = {
  readonly started: StartedRequest | null;
  readonly ended: EndedRequest;
  /** A publisher was cut off before it had sent everything. */
  readonly isThrownOut: boolean;
  /** Every issue that was reported, once: `CODE: detail`. */
  readonly issues: readonly string[];
  /** Of the live playlists and of the recording. */
  readonly complaints: readonly string[];
  readonly renditions: readonly MeasuredHabit[];
  /** Of all rungs; empty when nothing was recorded. */
  readonly multivariant: string;
};

let keys = 0;

export async function broadcastHabit(
  site: TestNode,
  { runs, speed, chunkBytes, maxHoleS = {}, onAir }: HabitBroadcast,
): Promise<HabitOutcome> {
  const streamKey = `sk_habit${(keys += 1).toString().padStart(18, "0")}`;
  const port = Number(new URL(site.publishUrl(streamKey)).port);
  const done = new AbortController();
  let reading: Promise<PlaylistReader[]> = Promise.resolve([]);
  let isThrownOut = false;
  for (const [index, tags] of runs.entries()) {
    const publisher = await HabitPublisher.open({ port, streamKey, speed, chunkBytes });
    const url = urlOf(site, streamKey);
    if (index === 0) reading = readLive(url, done.signal);
    if (index === 0) onAir?.(url);
    await publisher.send(tags);
    isThrownOut ||= publisher.isThrownOut;
    if (index === runs.length - 1) publisher.stop();
    else publisher.drop();
    await until(() => isAway(site, streamKey, index + 1), 15_000);
  }
  const ended = await until(() => endOf(site, streamKey), 15_000);
  const giveUp = setTimeout(() => done.abort(), 5000);
  const readers = await reading;
  clearTimeout(giveUp);
  return {
    ...reportsOf(site, ended),
    isThrownOut,
    ...await readRecording(site, urlOf(site, streamKey), { ended, readers, maxHoleS }),
  };
}

function urlOf(site: TestNode, streamKey: string): string {
  return site.playlistUrl(site.control.authorised.get(streamKey)?.videoUrl ?? "");
}

function endOf(site: TestNode, streamKey: string): EndedRequest | undefined {
  const { broadcastId } = site.control.authorised.get(streamKey) ?? {};
  return site.control.ended.find((report) => report.broadcastId === broadcastId);
}

/** Whether the publisher is gone for the `times`th time. */
function isAway(site: TestNode, streamKey: string, times: number): boolean {
  const { broadcastId } = site.control.authorised.get(streamKey) ?? {};
  const waits = site.log.filter((line) =>
    line.event === "broadcast.waiting" && line["broadcastId"] === broadcastId
  );
  return waits.length >= times || endOf(site, streamKey) !== undefined;
}

/** Every media playlist, read from its first part to ENDLIST; none when there is no playlist. */
async function readLive(url: string, signal: AbortSignal): Promise<PlaylistReader[]> {
  const text = await fetchPlaylist(url, 20_000).catch(() => "");
  const readers = [...mediaPlaylistsOf(text, url)].map(([name, rung]) =>
    new PlaylistReader(name, rung)
  );
  await Promise.all(readers.map((reader) => reader.run(signal)));
  return readers;
}

function reportsOf({ control }: TestNode, ended: EndedRequest) {
  const { broadcastId } = ended;
  const issues = control.progress.filter((report) => report.broadcastId === broadcastId)
    .flatMap((report) => report.issues).map(({ code, detail }) => `${code}: ${detail}`);
  const started = control.started.find((report) => report.broadcastId === broadcastId) ?? null;
  return { ended, started, issues: [...new Set(issues)] };
}

type Recorded = Required<Pick<HabitBroadcast, "maxHoleS">> & {
  readonly ended: EndedRequest;
  readonly readers: readonly PlaylistReader[];
};

async function readRecording(site: TestNode, url: string, { ended, readers, maxHoleS }: Recorded) {
  const live = readers.flatMap(({ complaints }) => complaints);
  if (ended.recordedBytes === 0) return { complaints: live, renditions: [], multivariant: "" };
  const multivariant = await fetchPlaylist(url, 5000);
  const unread = readers.length === 0 ? ["nothing could be read live"] : [];
  const renditions = [];
  for (const variant of readVariants(multivariant, url)) {
    renditions.push(await measureRendition(variant));
  }
  const { complaints } = await checkRecording({ url, maxHoleS });
  const probed = await probeComplaints(url, 10);
  return { complaints: [...unread, ...live, ...complaints, ...probed], renditions, multivariant };
}

/** What `sluice probe` has against a stream that it follows for `seconds`. */
export async function probeComplaints(url: string, seconds: number): Promise<string[]> {
  const report = await probeUrl({ url, seconds, signal: new AbortController().signal });
  return report.complaints.map(({ where, what }) => `probe: ${where}: ${what}`);
}
