/**
 * What becomes of recordings: clips, MP4 downloads, storyboards, and when they make room.
 */
import { type Kysely, sql } from "kysely";

const LIMITS = sql`
  alter table channels
    add column retention_days integer,
    add column recording_budget_bytes bigint,
    add constraint channels_retention_range check (retention_days between 1 and 3650),
    add constraint channels_recording_budget_positive check (recording_budget_bytes >= 0);

  alter table videos
    add column recording_removed_at timestamptz(3),
    add column recording_removed_reason text,
    add column storyboard_at timestamptz(3),
    add constraint videos_recording_removed_reason_known check (
      recording_removed_reason in ('retention', 'channel_budget', 'total_budget')
    ),
    add constraint videos_recording_removal_is_complete check (
      (recording_removed_at is null) = (recording_removed_reason is null)
    );
  create index videos_recording_removed on videos (id) where recording_removed_at is not null;
`;

const CLIPS = sql`
  create table clips (
    id uuid primary key,
    video_id uuid not null constraint clips_video_fk references videos on delete cascade,
    url text not null constraint clips_url_unique unique,
    title text not null,
    start_ms bigint not null,
    end_ms bigint not null,
    created_at timestamptz(3) not null default now(),
    constraint clips_url_shape check (url ~ '^[a-z0-9]{12}$'),
    constraint clips_span check (start_ms >= 0 and end_ms > start_ms)
  );
  create index clips_of_video on clips (video_id, id);

  create table downloads (
    id uuid primary key,
    video_id uuid not null constraint downloads_video_fk references videos on delete cascade,
    clip_id uuid constraint downloads_clip_fk references clips on delete cascade,
    storage_key text not null,
    status text not null default 'pending',
    progress double precision not null default 0,
    bytes bigint,
    failure_code text,
    failure_detail text,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    constraint downloads_status_known check (status in ('pending', 'running', 'ready', 'failed')),
    constraint downloads_progress_range check (progress between 0 and 1),
    constraint downloads_ready_has_bytes check (status <> 'ready' or bytes > 0)
  );
  create unique index downloads_one_per_video on downloads (video_id) where clip_id is null;
  create unique index downloads_one_per_clip on downloads (clip_id) where clip_id is not null;
  create index downloads_of_video on downloads (video_id);
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statements of [LIMITS, CLIPS]) await statements.execute(db);
}
