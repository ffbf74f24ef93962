import { afterEach, describe, expect, test } from "vitest";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "./live-registry.ts";
import { ViewerCounter } from "./viewer-counter.ts";

const live = new LiveRegistry();
const videoUrl = "videovideo12";

afterEach(() => live.close());

describe("LiveRegistry", () => {
  test("waitUntilPlayable() says null at once for what nobody announced", async () => {
    expect(await live.waitUntilPlayable(videoUrl, 60_000)).toBeNull();
  });

  test("waitUntilPlayable() waits for what nobody announced only when it is told to", async () => {
    expect(await live.waitUntilPlayable("nobodyknows2", 20, true)).toBeNull();
    const waiting = live.waitUntilPlayable("nobodyknows3", 5000, true);
    live.close();
    expect(await waiting).toBeNull();
  });

  test("waitUntilPlayable() says null when nothing comes in time", async () => {
    live.announce(videoUrl);
    expect(await live.waitUntilPlayable(videoUrl, 20)).toBeNull();
  });

  test("waitUntilPlayable() gives the broadcast with its second segment", async () => {
    live.announce(videoUrl);
    const waiting = live.waitUntilPlayable(videoUrl, 5000);
    const broadcast = startSyntheticBroadcast({ live, start: { videoUrl } });
    broadcast.pushUntil(1.9);
    expect(live.get(videoUrl)?.isPlayable).toBe(false);
    broadcast.pushUntil(2.1);
    expect((await waiting)?.videoUrl).toBe(videoUrl);
  });

  test("waitUntilAnnounced() hears of a publisher before there is anything to play", async () => {
    expect(await live.waitUntilAnnounced(videoUrl, 20)).toBe(false);
    const waiting = [1, 2].map(() => live.waitUntilAnnounced(videoUrl, 60_000));
    live.announce(videoUrl);
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect(await live.waitUntilAnnounced(videoUrl, 60_000)).toBe(true);
    const begun = live.waitUntilAnnounced("nobodyknows4", 60_000);
    startSyntheticBroadcast({ live, start: { videoUrl: "nobodyknows4" } });
    expect(await begun).toBe(true);
  });

  test("waitUntilAnnounced() does not wait for what is over, nor when the server stops", async () => {
    const broadcast = startSyntheticBroadcast({ live, start: { videoUrl } });
    await broadcast.packager.end();
    expect(await live.waitUntilAnnounced(videoUrl, 20)).toBe(false);
    const waiting = live.waitUntilAnnounced("nobodyknows5", 60_000);
    live.releaseWaiters();
    expect(await waiting).toBe(false);
  });

  test("add() keeps the broadcast with the highest epoch", () => {
    startSyntheticBroadcast({ live, start: { videoUrl, epoch: 2 } });
    startSyntheticBroadcast({ live, start: { videoUrl, epoch: 1 } });
    expect(live.get(videoUrl)?.epoch).toBe(2);
  });

  test("a live playlist moves on, and keeps the count of discontinuities that left it", async () => {
    const broadcast = startSyntheticBroadcast({ live, start: { videoUrl, partTargetMs: 340 } });
    broadcast.pushUntil(2.5);
    broadcast.packager.markDiscontinuity();
    broadcast.pushUntil(40);
    const rendition = live.get(videoUrl)?.rendition("high");
    const playlist = readMediaPlaylist(rendition?.render(false) ?? "");
    expect(playlist.segments).toHaveLength(8);
    expect(playlist.mediaSequence).toBe(playlist.segments[0]?.msn ?? 0);
    expect(playlist.mediaSequence).toBeGreaterThan(10);
    expect(playlist.discontinuitySequence).toBe(1);
    expect(rendition?.read({ kind: "segment", number: playlist.mediaSequence - 1 })).not.toBeNull();
    expect(rendition?.read({ kind: "segment", number: 0 })).toBeNull();
    expect(rendition?.read({ kind: "part", number: 0 })).toBeNull();
    await broadcast.packager.end();
  });
});

describe("ViewerCounter", () => {
  test("counts each viewer once and forgets those who left", () => {
    let nowMs = 0;
    const counter = new ViewerCounter({ windowMs: 1000, now: () => nowMs });
    counter.note("a");
    counter.note("b");
    counter.note("a");
    expect(counter.count()).toBe(2);
    nowMs = 900;
    counter.note("a");
    nowMs = 1100;
    expect(counter.count()).toBe(1);
  });

  test("stays bounded", () => {
    const counter = new ViewerCounter({ maxViewers: 10 });
    for (let index = 0; index < 1000; index += 1) counter.note(`viewer ${index}`);
    expect(counter.count()).toBe(10);
  });
});
