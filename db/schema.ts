/**
 * The tables as Kysely sees them. Times are `timestamptz` (Date), ids are UUIDv7 made by us.
 */
import type { ColumnType, Generated } from "kysely";
import type { EndReason, LadderPolicy, Latency } from "#shared/contracts/broadcast.ts";
import type { RenditionFacts, SourceFacts } from "#shared/contracts/broadcast.ts";
import type { ImageVariant } from "#shared/contracts/control.ts";
import type { ReportedIssue } from "#shared/contracts/issues.ts";
import type { DownloadStatus } from "#shared/contracts/downloads.ts";
import type { ImagePurpose, Job } from "#shared/contracts/jobs.ts";
import type { Relay } from "./relay-publishers.ts";

type CreatedAt = ColumnType<Date, Date | undefined, never>;
type UpdatedAt = ColumnType<Date, Date | undefined, Date>;
/** jsonb: written as the value itself (the dialect serialises it), read as the value. */
type Json<T> = ColumnType<T, T, T>;

export type UsersTable = {
  id: string;
  username: string;
  /** `username` lower-cased; unique. */
  username_key: string;
  password_hash: string;
  first_name: string | null;
  last_name: string | null;
  /** Images row of the newest upload, ready or not. */
  picture_id: string | null;
  created_at: CreatedAt;
  updated_at: UpdatedAt;
};

/** One login and every refresh token that came from it. */
export type RefreshFamiliesTable = {
  id: string;
  user_id: string;
  created_at: CreatedAt;
  expires_at: Date;
  revoked_at: Date | null;
};

export type RefreshTokensTable = {
  /** SHA-256 of the token; the token itself is never stored. */
  token_hash: Uint8Array;
  family_id: string;
  created_at: CreatedAt;
  expires_at: Date;
  spent_at: Date | null;
};

export type ChannelStatus = "IDLE" | "LIVE";
export type ChannelsTable = {
  id: string;
  user_id: string;
  title: string | null;
  description: string | null;
  status: Generated<ChannelStatus>;
  /** HMAC-SHA-256 of the stream key under a key derived from SLUICE_SECRET; unique. */
  stream_key_hash: Uint8Array;
  /** AES-256-GCM of the stream key: 12 bytes nonce, ciphertext, tag. */
  stream_key_sealed: Uint8Array;
  latency: Generated<Latency>;
  recording: Generated<boolean>;
  ladder: Generated<LadderPolicy>;
  reconnect_window_s: Generated<number>;
  /** Recordings older than this are removed; null: kept. */
  retention_days: number | null;
  /** What its recordings may take together; null: no limit. */
  recording_budget_bytes: number | null;
  disabled_at: Date | null;
  created_at: CreatedAt;
  updated_at: UpdatedAt;
};

/** Why a recording had to make room. */
export type RemovalReason = "retention" | "channel_budget" | "total_budget";
export type VideoStatus = "CREATED" | "RUNNING" | "ENDED";
export type VideosTable = {
  id: string;
  channel_id: string;
  /** The public name: 12 lower-case letters and digits; unique. */
  url: string;
  title: string;
  description: string | null;
  status: Generated<VideoStatus>;
  /** Shared with the video it was copied from when a broadcast made this row. */
  thumbnail_id: string | null;
  started_at: Date | null;
  ended_at: Date | null;
  duration_ms: number | null;
  /** Nobody may use the recording from then on; its files go right after. */
  recording_removed_at: Date | null;
  recording_removed_reason: RemovalReason | null;
  /** When its storyboard was made; null: there is none. */
  storyboard_at: Date | null;
  created_at: CreatedAt;
  updated_at: UpdatedAt;
};

export type BroadcastState = "authorised" | "live" | "waiting" | "ended";
export type BroadcastsTable = {
  id: string;
  channel_id: string;
  /** A video is one broadcast; those that were refused before their first media do not count. */
  video_id: string;
  node_id: string;
  node_instance_id: string;
  publisher_id: string;
  epoch: Generated<number>;
  state: Generated<BroadcastState>;
  source: Json<SourceFacts | null>;
  renditions: Json<readonly RenditionFacts[] | null>;
  /** Read with `readIssues`: rows from before the last upgrade have another shape. */
  issues: Json<readonly ReportedIssue[] | null>;
  ingest_bitrate_bps: number | null;
  fps: number | null;
  encode_speed: number | null;
  viewers: number | null;
  /** Set by the API to have the node end it; answered in the next progress report. */
  stop_reason: EndReason | null;
  /** `stop_reason` counts from then on (a grace period); null: at once. */
  stop_at: Date | null;
  /** Null: no nginx-rtmp in front has anything to do with it. */
  relay: Json<Relay | null>;
  end_reason: EndReason | null;
  end_detail: string | null;
  recorded_bytes: ColumnType<number | null, number | null, number | null>;
  /** Null: no media has come, or the first was refused. */
  started_at: Date | null;
  /** Last word from the node; older than the lease means the node is lost. */
  seen_at: ColumnType<Date, Date | undefined, Date>;
  ended_at: Date | null;
  created_at: CreatedAt;
};

export type ImageStatus = "pending" | "ready" | "failed";
export type ImagesTable = {
  id: string;
  user_id: string;
  purpose: ImagePurpose;
  /** The video from whose broadcast it is a frame; null: uploaded. */
  poster_of: string | null;
  version: Generated<number>;
  status: Generated<ImageStatus>;
  /** Storage key of the original until it is resized, then null. */
  source_key: string | null;
  variants: Json<readonly ImageVariant[] | null>;
  failure_code: string | null;
  failure_detail: string | null;
  created_at: CreatedAt;
  updated_at: UpdatedAt;
};

/** A part of a recording with playlists of its own over the recording's segments. */
export type ClipsTable = {
  id: string;
  video_id: string;
  /** The public name, like a video's. */
  url: string;
  title: string;
  /** Where its first and last segment begin and end in the recording. */
  start_ms: number;
  end_ms: number;
  created_at: CreatedAt;
};

/** The MP4 of a recording, or of one of its clips. */
export type DownloadsTable = {
  id: string;
  video_id: string;
  /** Null: of the whole recording. */
  clip_id: string | null;
  storage_key: string;
  status: Generated<DownloadStatus>;
  /** 0…1 */
  progress: Generated<number>;
  bytes: number | null;
  failure_code: string | null;
  failure_detail: string | null;
  created_at: CreatedAt;
  updated_at: UpdatedAt;
};

/** Jobs on their way to the queue, written in the transaction that makes them necessary. */
export type OutboxTable = {
  id: string;
  job: Json<Job>;
  created_at: CreatedAt;
  /** A relay works on it until then; null or past: free to take. */
  claimed_until: Date | null;
  attempts: Generated<number>;
};

export type Database = {
  users: UsersTable;
  refresh_families: RefreshFamiliesTable;
  refresh_tokens: RefreshTokensTable;
  channels: ChannelsTable;
  videos: VideosTable;
  broadcasts: BroadcastsTable;
  images: ImagesTable;
  clips: ClipsTable;
  downloads: DownloadsTable;
  outbox: OutboxTable;
};
