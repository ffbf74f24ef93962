/**
 * A video with a recording, as a broadcast that ended leaves it: rows, playlists, segments of two
 * seconds without media in them.
 */
import type { Kysely } from "kysely";
import type { Database } from "#db/schema.ts";
import type { EndReason } from "#shared/contracts/broadcast.ts";
import { newId } from "#shared/ids.ts";
import type { Storage } from "#shared/storage/port.ts";
import { insertVideo } from "./rows.ts";

export type EndedVideo = { readonly id: string; readonly url: string };
export type EndedVideoOptions = {
  readonly channelId: string;
  readonly segments?: number;
  readonly endedAt?: Date;
  /** What the row says it takes. */
  readonly bytes?: number;
  readonly endReason?: EndReason;
};

const RENDITIONS = [["low", 800_000], ["high", 2_800_000]] as const;

/** Rows and objects of an ENDED video. */
export async function insertEndedVideo(
  { db, storage }: { readonly db: Kysely<Database>; readonly storage: Storage },
  options: EndedVideoOptions,
): Promise<EndedVideo> {
  const { channelId, segments = 5, endedAt = new Date(), bytes = 1000 } = options;
  const id = await insertVideo(db, channelId, "Ünder the sea");
  const { url } = await db.updateTable("videos")
    .set({ status: "ENDED", ended_at: endedAt, duration_ms: segments * 2000 })
    .where("id", "=", id).returning("url").executeTakeFirstOrThrow();
  await db.insertInto("broadcasts").values({
    id: newId(),
    channel_id: channelId,
    video_id: id,
    node_id: "node-a",
    node_instance_id: crypto.randomUUID(),
    publisher_id: crypto.randomUUID(),
    state: "ended",
    end_reason: options.endReason ?? "publisher_stopped",
    started_at: endedAt,
    ended_at: endedAt,
    recorded_bytes: bytes,
  }).execute();
  await storeObjects(storage, url, segments);
  return { id, url };
}

async function storeObjects(storage: Storage, url: string, segments: number): Promise<void> {
  const put = (key: string, text: string) =>
    storage.put(`videos/${url}/${key}`, new TextEncoder().encode(text), {
      contentType: "application/octet-stream",
    });
  const numbers = Array.from({ length: segments }, (_, index) => index);
  for (const [name] of RENDITIONS) {
    await put(`1/${name}/init-0.mp4`, "init");
    for (const number of numbers) await put(`1/${name}/seg-${number}.m4s`, `segment ${number}`);
    await put(`1/${name}/index.m3u8`, mediaPlaylist(numbers));
  }
  await put(
    "index.m3u8",
    [
      "#EXTM3U",
      "#EXT-X-VERSION:6",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      ...RENDITIONS.flatMap(([name, bps]) => [
        `#EXT-X-STREAM-INF:BANDWIDTH=${bps},CODECS="avc1.64001f,mp4a.40.2"`,
        `${url}/1/${name}/index.m3u8`,
      ]),
      "",
    ].join("\n"),
  );
}

function mediaPlaylist(numbers: readonly number[]): string {
  const zeroMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  return [
    "#EXTM3U",
    "#EXT-X-VERSION:6",
    "#EXT-X-TARGETDURATION:2",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-MEDIA-SEQUENCE:0",
    '#EXT-X-MAP:URI="init-0.mp4"',
    ...numbers.flatMap((number) => [
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(zeroMs + number * 2000).toISOString()}`,
      "#EXTINF:2,",
      `seg-${number}.m4s`,
    ]),
    "#EXT-X-ENDLIST",
    "",
  ].join("\n");
}
