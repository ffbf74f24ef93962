/**
 * Every table of the first version. Lists are read by `id`: a UUIDv7 sorts by creation, so one index
 * serves filter, order and cursor. Times keep milliseconds, what a `Date` holds, so that a time read
 * and sent back still compares equal.
 */
import { type Kysely, sql } from "kysely";

const ACCOUNTS = sql`
  create table users (
    id uuid primary key,
    username text not null,
    username_key text not null constraint users_username_key_unique unique,
    password_hash text not null,
    first_name text,
    last_name text,
    picture_id uuid,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now()
  );

  create table refresh_families (
    id uuid primary key,
    user_id uuid not null constraint refresh_families_user_fk references users on delete cascade,
    created_at timestamptz(3) not null default now(),
    expires_at timestamptz(3) not null,
    revoked_at timestamptz(3)
  );
  create index refresh_families_user on refresh_families (user_id);
  create index refresh_families_expiry on refresh_families (expires_at);

  create table refresh_tokens (
    token_hash bytea primary key,
    family_id uuid not null
      constraint refresh_tokens_family_fk references refresh_families on delete cascade,
    created_at timestamptz(3) not null default now(),
    expires_at timestamptz(3) not null,
    spent_at timestamptz(3),
    constraint refresh_tokens_hash_is_sha256 check (octet_length(token_hash) = 32)
  );
  create index refresh_tokens_family on refresh_tokens (family_id);
`;

const IMAGES = sql`
  create table images (
    id uuid primary key,
    user_id uuid not null constraint images_user_fk references users on delete cascade,
    purpose text not null,
    version integer not null default 1,
    status text not null default 'pending',
    source_key text,
    variants jsonb,
    failure_code text,
    failure_detail text,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    constraint images_purpose_known check (purpose in ('profile-picture', 'thumbnail')),
    constraint images_status_known check (status in ('pending', 'ready', 'failed')),
    constraint images_version_positive check (version > 0),
    constraint images_ready_has_variants check (status <> 'ready' or variants is not null)
  );
  create index images_user on images (user_id);

  alter table users add constraint users_picture_fk
    foreign key (picture_id) references images on delete set null;
  create index users_picture on users (picture_id) where picture_id is not null;
`;

const CHANNELS = sql`
  create table channels (
    id uuid primary key,
    user_id uuid not null
      constraint channels_user_unique unique
      constraint channels_user_fk references users on delete cascade,
    title text,
    description text,
    status text not null default 'IDLE',
    stream_key_hash bytea not null constraint channels_stream_key_hash_unique unique,
    stream_key_sealed bytea not null,
    latency text not null default 'low',
    recording boolean not null default true,
    ladder text not null default 'auto',
    reconnect_window_s integer not null default 60,
    disabled_at timestamptz(3),
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    constraint channels_status_known check (status in ('IDLE', 'LIVE')),
    constraint channels_latency_known check (latency in ('lowest', 'low', 'standard')),
    constraint channels_ladder_known check (ladder in ('auto', 'encode', 'copy')),
    constraint channels_reconnect_window_range check (reconnect_window_s between 0 and 600),
    constraint channels_stream_key_hash_is_sha256 check (octet_length(stream_key_hash) = 32)
  );
  create index channels_live on channels (id) where status = 'LIVE';

  create table videos (
    id uuid primary key,
    channel_id uuid not null constraint videos_channel_fk references channels on delete cascade,
    url text not null constraint videos_url_unique unique,
    title text not null,
    description text,
    status text not null default 'CREATED',
    thumbnail_id uuid constraint videos_thumbnail_fk references images on delete set null,
    started_at timestamptz(3),
    ended_at timestamptz(3),
    duration_ms bigint,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    constraint videos_status_known check (status in ('CREATED', 'RUNNING', 'ENDED')),
    constraint videos_url_shape check (url ~ '^[a-z0-9]{12}$'),
    constraint videos_duration_positive check (duration_ms >= 0)
  );
  create index videos_of_channel on videos (channel_id, id);
  create index videos_next_of_channel on videos (channel_id, id) where status = 'CREATED';
  create index videos_running on videos (id) where status = 'RUNNING';
  create index videos_thumbnail on videos (thumbnail_id) where thumbnail_id is not null;
`;

const BROADCASTS = sql`
  create table broadcasts (
    id uuid primary key,
    channel_id uuid not null constraint broadcasts_channel_fk references channels on delete cascade,
    video_id uuid not null
      constraint broadcasts_video_unique unique
      constraint broadcasts_video_fk references videos on delete cascade,
    node_id text not null,
    node_instance_id uuid not null,
    publisher_id uuid not null,
    epoch integer not null default 1,
    state text not null default 'authorised',
    source jsonb,
    renditions jsonb,
    issues jsonb,
    ingest_bitrate_bps bigint,
    fps double precision,
    encode_speed double precision,
    viewers integer,
    stop_reason text,
    stop_at timestamptz(3),
    end_reason text,
    end_detail text,
    recorded_bytes bigint,
    started_at timestamptz(3),
    seen_at timestamptz(3) not null default now(),
    ended_at timestamptz(3),
    created_at timestamptz(3) not null default now(),
    constraint broadcasts_epoch_positive check (epoch > 0),
    constraint broadcasts_state_known check (state in ('authorised', 'live', 'waiting', 'ended')),
    constraint broadcasts_end_is_complete check (
      (state = 'ended') = (ended_at is not null) and (state = 'ended') = (end_reason is not null)
    )
  );
  create unique index broadcasts_one_running_per_channel
    on broadcasts (channel_id) where state <> 'ended';
  create index broadcasts_of_channel on broadcasts (channel_id, id);
  create index broadcasts_running_of_node on broadcasts (node_id) where state <> 'ended';
  create index broadcasts_running_seen on broadcasts (seen_at) where state <> 'ended';

  create table outbox (
    id uuid primary key,
    job jsonb not null,
    created_at timestamptz(3) not null default now(),
    claimed_until timestamptz(3),
    attempts integer not null default 0,
    constraint outbox_attempts_positive check (attempts >= 0)
  );
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statements of [ACCOUNTS, IMAGES, CHANNELS, BROADCASTS]) await statements.execute(db);
}
