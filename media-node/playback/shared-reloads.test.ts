import { tmpdir } from "node:os";
import { afterEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { handlePlayback } from "./handler.ts";
import { SharedReloads } from "./shared-reloads.ts";

const live = new LiveRegistry();
afterEach(() => live.close());

test("SharedReloads gives all who wait at one address the same reply, and later ones their own", async () => {
  const broadcast = startSyntheticBroadcast({ live, start: { partTargetMs: 340 } });
  broadcast.pushUntil(3);
  const storage = createFileStorage({ directory: tmpdir() });
  const deps = { live, storage, log: silentLogger, reloads: new SharedReloads() };
  const base = `/hls-live/${broadcast.videoUrl}/${broadcast.epoch}/high/index.m3u8`;
  const ask = (viewer: string, query = "_HLS_msn=5&_HLS_part=0", method = "GET") =>
    handlePlayback(deps, { method, target: `${base}?${query}`, header: () => undefined, viewer });

  const waiting = [ask("ann"), ask("ben"), ask("cat")];
  const [other, head] = [ask("dan", "_HLS_msn=5"), ask("eve", undefined, "HEAD")];
  broadcast.pushUntil(7);
  const [first, ...others] = await Promise.all(waiting);
  expect(first?.status).toBe(200);
  for (const reply of others) expect(reply).toBe(first);
  expect(await other).not.toBe(first);
  expect((await head).status).toBe(200);
  expect(live.viewers(broadcast.videoUrl)).toBe(5);

  const later = await ask("ann");
  expect(later).not.toBe(first);
  expect(later.status).toBe(200);
  await broadcast.packager.end();
});

test("SharedReloads gives all who wait for a part the same reply, but not who wants a range of it", async () => {
  const broadcast = startSyntheticBroadcast({ live, start: { partTargetMs: 340 } });
  broadcast.pushUntil(3);
  const storage = createFileStorage({ directory: tmpdir() });
  const deps = { live, storage, log: silentLogger, reloads: new SharedReloads() };
  const next = live.get(broadcast.videoUrl)?.rendition("high")?.parts ?? 0;
  const target = `/hls-live/${broadcast.videoUrl}/${broadcast.epoch}/high/part-${next}.m4s`;
  const ask = (viewer: string, headers: Record<string, string> = {}) =>
    handlePlayback(deps, { method: "GET", target, header: (name) => headers[name], viewer });

  const early = ask("eve", { range: "bytes=0-9" });
  const waiting = [ask("ann"), ask("ben"), ask("cat")];
  const range = ask("dan", { range: "bytes=0-9" });
  broadcast.pushUntil(4);
  const [first, ...others] = await Promise.all(waiting);
  expect(first?.status).toBe(200);
  for (const reply of others) expect(reply).toBe(first);
  expect([(await early).status, (await range).status]).toEqual([206, 206]);
  await broadcast.packager.end();
});
