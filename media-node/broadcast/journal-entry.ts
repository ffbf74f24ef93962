/**
 * What a media node writes down about one broadcast for the process that comes after it, perhaps of
 * another version of this program.
 *
 * The schemas are this file's own, whatever contracts look like by then. A field that is added is
 * optional; anything else is a new version, with an upgrade from the one before.
 */
import * as z from "zod";
import type {
  EndReason,
  LadderPolicy,
  Latency,
  RenditionName,
  SourceFacts,
} from "#shared/contracts/broadcast.ts";
import type { StartedRequest } from "#shared/contracts/control.ts";
import type { Source } from "../ingest/source.ts";
import type { PackagerStart } from "../packager/port.ts";
import type { Authorisation } from "./authorisation.ts";
import { renditionsOf } from "./broadcast-plan.ts";

const LATENCIES = ["lowest", "low", "standard"] as const satisfies Latency[];
const LADDER_POLICIES = ["auto", "encode", "copy"] as const satisfies LadderPolicy[];
const RENDITION_NAMES = ["low", "mid", "high"] as const satisfies RenditionName[];
const END_REASONS = [
  "publisher_stopped",
  "publisher_lost",
  "never_started",
  "key_revoked",
  "channel_deleted",
  "channel_disabled",
  "video_deleted",
  "limit_reached",
  "unsupported_source",
  "transcoder_failed",
  "storage_failed",
  "node_stopped",
  "node_lost",
] as const satisfies EndReason[];

const settingsSchema = z.object({
  latency: z.enum(LATENCIES),
  recording: z.boolean(),
  ladder: z.enum(LADDER_POLICIES),
  reconnectWindowMs: z.int().nonnegative(),
});

export const sourceSchema = z.object({
  video: z.object({
    codec: z.string(),
    width: z.int().positive(),
    height: z.int().positive(),
    fps: z.number().positive().nullable(),
    bitrateBps: z.int().nonnegative().nullable(),
  }).nullable(),
  audio: z.object({
    codec: z.string(),
    sampleRateHz: z.int().positive(),
    channels: z.int().positive(),
  }).nullable(),
  encoder: z.string().nullable(),
});

const rungSchema = z.object({
  name: z.enum(RENDITION_NAMES),
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
  videoBitrateBps: z.number().nonnegative(),
  isCopy: z.boolean(),
});

export const playlistsSchema = z.object({
  rungs: z.array(rungSchema).min(1),
  wallClockAtZeroMs: z.number(),
  segmentTargetMs: z.number().positive(),
  partTargetMs: z.number().positive().nullable(),
  /** Tracks that joined later count, too. */
  hasVideo: z.boolean(),
  hasAudio: z.boolean(),
  /** All that was heard so far is silence. */
  isAudioAwaited: z.boolean().optional(),
});

export const endSchema = z.object({
  endedAt: z.iso.datetime(),
  reason: z.enum(END_REASONS),
  detail: z.string().nullable(),
  durationMs: z.int().nonnegative(),
  recordedBytes: z.int().nonnegative(),
});

export const runningSchema = z.object({
  channelId: z.uuid(),
  wantsThumbnail: z.boolean(),
  settings: settingsSchema,
  /** What the API was told of the source, or would have been. */
  source: sourceSchema,
  /** How its packager was started, for one that goes on with the same playlists. */
  playlists: playlistsSchema,
});

export const entrySchema = z.object({
  version: z.literal(2),
  broadcastId: z.uuid(),
  videoUrl: z.string(),
  /** That of the playlists' URLs and of the recording, for as long as the broadcast lasts. */
  epoch: z.int().positive(),
  /** The one under which the API takes our word: it grows with every process. */
  controlEpoch: z.int().positive(),
  startedAt: z.iso.datetime(),
  /** What the API has not been told yet; null while the broadcast runs. */
  ended: endSchema.nullable(),
  /** Null: there is nothing to go on with. */
  running: runningSchema.nullable(),
});
export type JournalEntry = Readonly<z.infer<typeof entrySchema>>;
export type JournalEnd = NonNullable<JournalEntry["ended"]>;

/** One of a broadcast that another process can take over. */
export type RunningEntry = JournalEntry & {
  readonly ended: null;
  readonly running: NonNullable<JournalEntry["running"]>;
};

export function isRunning(entry: JournalEntry): entry is RunningEntry {
  return entry.ended === null && entry.running !== null;
}

/** The entry of a broadcast that begins. */
export function beginEntry(
  { broadcastId, videoUrl, epoch, channelId, wantsThumbnail, settings }: Authorisation,
  source: SourceFacts,
  packager: PackagerStart,
  startedAt: Date,
): RunningEntry {
  const { wallClockAtZeroMs, segmentTargetMs, partTargetMs } = packager;
  const { rungs, hasVideo, hasAudio, isAudioAwaited = false } = packager;
  const times = { wallClockAtZeroMs, segmentTargetMs, partTargetMs };
  const playlists = { rungs: [...rungs], ...times, hasVideo, hasAudio, isAudioAwaited };
  return {
    version: 2,
    broadcastId,
    videoUrl,
    epoch,
    controlEpoch: epoch,
    startedAt: startedAt.toISOString(),
    ended: null,
    running: { channelId, wantsThumbnail, settings, source, playlists },
  };
}

/** The entry when `source` is what follows: a track that joins stays. The same one when none does. */
export function withTracks(
  entry: RunningEntry,
  source: Pick<Source, "video" | "audio">,
): RunningEntry {
  const { playlists } = entry.running;
  const hasVideo = playlists.hasVideo || source.video !== null;
  const hasAudio = playlists.hasAudio || source.audio !== null;
  const isAudioAwaited = playlists.isAudioAwaited === true && source.audio === null;
  const isSame = hasVideo === playlists.hasVideo && hasAudio === playlists.hasAudio &&
    isAudioAwaited === (playlists.isAudioAwaited ?? false);
  if (isSame) return entry;
  const joined = { ...playlists, hasVideo, hasAudio, isAudioAwaited };
  return { ...entry, running: { ...entry.running, playlists: joined } };
}

/** What the API allowed when the broadcast began. */
export function authorisationOf(
  { broadcastId, videoUrl, epoch, running }: RunningEntry,
): Authorisation {
  const { channelId, wantsThumbnail, settings } = running;
  return { broadcastId, channelId, videoUrl, epoch, wantsThumbnail, settings };
}

/** How the packager of its successor starts. */
export function packagerStartOf({ videoUrl, epoch, running }: RunningEntry): PackagerStart {
  return { ...running.playlists, videoUrl, epoch };
}

/** What the API is told of the start. */
export function startOf(
  { startedAt, running: { source, playlists } }: RunningEntry,
): Pick<StartedRequest, "startedAt" | "source" | "renditions"> {
  return { startedAt, source, renditions: renditionsOf(playlists.rungs) };
}
