import { tmpdir } from "node:os";
import { afterEach, expect, test } from "vitest";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { handlePlayback } from "./handler.ts";

const live = new LiveRegistry();
afterEach(() => live.close());

/** A broadcast of two parts, and what its media playlist answers to a query. */
function startWithParts(partTargetMs: number | null = 340) {
  const broadcast = startSyntheticBroadcast({ live, start: { partTargetMs } });
  broadcast.pushUntil(0.75);
  const deps = { live, storage: createFileStorage({ directory: tmpdir() }), log: silentLogger };
  const path = `/hls-live/${broadcast.videoUrl}/${broadcast.epoch}/high/index.m3u8`;
  const ask = async (query: string, agent?: string) => {
    const target = `${path}?${query}`;
    const header = (name: string) => name === "user-agent" ? agent : undefined;
    const request = { method: "GET", target, header, viewer: "ann" };
    const { status, body } = await handlePlayback(deps, request);
    if (body?.kind !== "bytes") throw new Error("not answered from memory");
    const { segments, openParts } = readMediaPlaylist(await new Response(body.content).text());
    return { status, segments: segments.length, parts: openParts.length };
  };
  return { broadcast, ask };
}

/** Whether `answer` comes before everything else that is ready to run. */
function isThere(answer: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50));
  return Promise.race([answer.then(() => true), turn]);
}

test("a plain media playlist is answered once its first segment is complete", async () => {
  const { broadcast, ask } = startWithParts();
  const answers = [ask(""), ask("_HLS_skip=YES"), ask("parts=NO")];
  expect(await isThere(Promise.race(answers))).toBe(false);
  broadcast.pushUntil(1.1);
  for (const answer of answers) expect(await answer).toMatchObject({ status: 200, segments: 1 });
});

test("GStreamer, which finds no way on from a single segment, is given two", async () => {
  const { broadcast, ask } = startWithParts();
  const answer = ask("", "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3");
  broadcast.pushUntil(1.1);
  expect(await isThere(answer)).toBe(false);
  broadcast.pushUntil(2.1);
  expect(await answer).toMatchObject({ status: 200, segments: 2 });
});

test("a plain media playlist has what there is when its first segment does not come", async () => {
  const { ask } = startWithParts();
  const answer = ask("");
  live.releaseWaiters();
  expect(await answer).toEqual({ status: 200, segments: 0, parts: 2 });
  const { ask: askWithoutParts } = startWithParts(null);
  const refused = askWithoutParts("");
  live.releaseWaiters();
  expect(await refused).toMatchObject({ status: 503 });
});

test("a media playlist with parts=YES is answered with parts alone", async () => {
  const { ask } = startWithParts();
  expect(await ask("parts=YES")).toEqual({ status: 200, segments: 0, parts: 2 });
});

test("a reload by a number below the first is answered with what there is", async () => {
  const { ask } = startWithParts();
  expect(await ask("_HLS_msn=0")).toEqual({ status: 200, segments: 0, parts: 2 });
});

test("a blocking reload of the first segment is answered part by part", async () => {
  const { broadcast, ask } = startWithParts();
  expect(await ask("_HLS_msn=1&_HLS_part=1")).toEqual({ status: 200, segments: 0, parts: 2 });
  const next = ask("_HLS_msn=1&_HLS_part=2");
  expect(await isThere(next)).toBe(false);
  broadcast.pushUntil(1.05);
  expect(await next).toMatchObject({ status: 200 });
});

test("who waits for a publisher is told of one before there is a picture", async () => {
  const deps = { live, storage: createFileStorage({ directory: tmpdir() }), log: silentLogger };
  const target = "/hls-live/notyetlive12.m3u8?wait=PUBLISHER";
  const request = { method: "GET", target, header: () => undefined, viewer: "ann" };
  const waiting = handlePlayback(deps, request);
  expect(await isThere(waiting)).toBe(false);
  live.announce("notyetlive12");
  expect(await waiting).toEqual({
    status: 204,
    headers: { "cache-control": "no-store" },
    body: null,
  });
  const another = handlePlayback(deps, { ...request, target: target.replace("12", "13") });
  live.releaseWaiters();
  expect(await another).toMatchObject({ status: 404 });
});
