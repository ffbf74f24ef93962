import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { insertClip } from "#db/clips.ts";
import { requestDownload } from "#db/downloads.ts";
import { createTestApp, type TestApp } from "#test/helpers/app.ts";
import {
  type EndedVideo,
  type EndedVideoOptions,
  insertEndedVideo,
} from "#test/helpers/ended-video.ts";
import { insertChannel } from "#test/helpers/rows.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { until } from "#test/helpers/until.ts";
import { createRetention, removeExcess } from "./retention.ts";

const DAY_MS = 86_400_000;
let app: TestApp;
let channel: { readonly userId: string; readonly channelId: string };
beforeEach(async () => {
  app = await createTestApp();
  channel = await insertChannel(app.deps.db);
});
afterEach(() => app.close());

async function sweep(totalBudgetBytes: number | null = null): Promise<void> {
  const { db, storage } = app.deps;
  await removeExcess({ db, storage, log: silentLogger, totalBudgetBytes });
}

/** A recording that ended so many days ago. */
function recorded(daysAgo: number, options: Partial<EndedVideoOptions> = {}): Promise<EndedVideo> {
  const endedAt = new Date(Date.now() - daysAgo * DAY_MS);
  return insertEndedVideo(app.deps, { channelId: channel.channelId, endedAt, ...options });
}

async function limit(changes: { retention_days?: number; recording_budget_bytes?: number }) {
  await app.deps.db.updateTable("channels").set(changes)
    .where("id", "=", channel.channelId).execute();
}

/** What viewers are told, checked against what storage holds. */
async function stateOf({ url }: EndedVideo): Promise<string> {
  const { body } = await app.send<{ recording: { status: string; removedBecause: string } | null }>(
    "GET",
    `/videos/${url}`,
  );
  const keys: string[] = [];
  for await (const { key } of app.deps.storage.list(`videos/${url}/`)) keys.push(key);
  const state = body.recording?.removedBecause ?? body.recording?.status ?? "none";
  return keys.length === 0 ? state : `${state}, stored`;
}

describe("removeExcess()", () => {
  test("removes what is older than its channel keeps it", async () => {
    await limit({ retention_days: 7 });
    const [old, young] = [await recorded(8), await recorded(6)];
    await sweep();
    expect(await stateOf(old)).toBe("retention");
    expect(await stateOf(young)).toBe("available, stored");
  });

  test("removes the oldest over a channel's budget, downloads counted", async () => {
    await limit({ recording_budget_bytes: 2500 });
    const [first, second, third] = [await recorded(3), await recorded(2), await recorded(1)];
    const other = await insertChannel(app.deps.db);
    const elsewhere = await recorded(9, { channelId: other.channelId });
    await sweep();
    expect(await stateOf(first)).toBe("channel_budget");
    expect(await stateOf(second)).toBe("available, stored");
    const download = await requestDownload(app.deps.db, {
      userId: channel.userId,
      videoId: third.id,
      clipId: null,
    });
    await app.deps.db.updateTable("downloads").set({ status: "ready", bytes: 600 })
      .where("id", "=", download.id).execute();
    await sweep();
    expect(await stateOf(second)).toBe("channel_budget");
    expect(await stateOf(third)).toBe("available, stored");
    expect(await stateOf(elsewhere)).toBe("available, stored");
  });

  test("removes the oldest of all over the budget of all, after what goes anyway", async () => {
    await limit({ retention_days: 1 });
    const other = await insertChannel(app.deps.db);
    const expired = await recorded(3);
    const kept = await recorded(4, { channelId: other.channelId });
    const oldest = await recorded(5, { channelId: other.channelId });
    await sweep(1000);
    expect(await stateOf(expired)).toBe("retention");
    expect(await stateOf(kept)).toBe("available, stored");
    expect(await stateOf(oldest)).toBe("total_budget");
  });

  test("never removes a broadcast that runs or may come back, but counts it", async () => {
    await limit({ recording_budget_bytes: 10, retention_days: 1 });
    const live = await recorded(5, { bytes: 1_000_000 });
    await app.deps.db.updateTable("broadcasts")
      .set({ state: "live", end_reason: null, ended_at: null })
      .where("video_id", "=", live.id).execute();
    const lost = await recorded(0, { endReason: "node_lost" });
    const ended = await recorded(0);
    await sweep(10);
    expect(await stateOf(live)).toContain("stored");
    expect(await stateOf(lost)).toBe("available, stored");
    expect(await stateOf(ended)).toBe("channel_budget");
  });

  test("takes clips and downloads along, and goes on where it was cut off", async () => {
    const video = await recorded(3);
    const url = newVideoUrl();
    await insertClip(app.deps.db, {
      videoId: video.id,
      url,
      title: "A clip",
      startMs: 0,
      endMs: 2000,
    });
    await app.deps.storage.put(`videos/${url}/index.m3u8`, new Uint8Array(3), {
      contentType: "application/vnd.apple.mpegurl",
    });
    await requestDownload(app.deps.db, { userId: channel.userId, videoId: video.id, clipId: null });
    // Marked by a process that died before it deleted anything.
    await app.deps.db.updateTable("videos")
      .set({ recording_removed_at: new Date(), recording_removed_reason: "retention" })
      .where("id", "=", video.id).execute();
    await sweep();
    expect(await stateOf(video)).toBe("retention");
    expect(await app.deps.storage.head(`videos/${url}/index.m3u8`)).toBeNull();
    for (const table of ["clips", "downloads"] as const) {
      expect(await app.deps.db.selectFrom(table).select("id").execute()).toEqual([]);
    }
    const later = insertClip(app.deps.db, {
      videoId: video.id,
      url: newVideoUrl(),
      title: "Too late",
      startMs: 0,
      endMs: 2000,
    });
    expect(await later).toBeUndefined();
  });
});

test("createRetention() looks by itself", async () => {
  await limit({ retention_days: 1 });
  const old = await recorded(2);
  const { db, storage } = app.deps;
  const options = { db, storage, log: silentLogger, totalBudgetBytes: null, intervalMs: 20 };
  const retention = createRetention(options);
  await retention.start();
  try {
    await until(async () => await stateOf(old) === "retention", 5000);
  } finally {
    await retention.stop();
  }
});
