import { describe, expect, test } from "vitest";
import { audioFrame, sourceOf, videoFrame } from "#test/helpers/source.ts";
import { decodeAmf0 } from "../formats/flv/amf0.ts";
import type { FlvTag } from "../formats/flv/flv-tag.ts";
import { FlvReader } from "../formats/flv/flv-reader.ts";
import type { MediaFrame } from "../formats/media.ts";
import { FlvFeed } from "./flv-feed.ts";
import { FlvFeeds } from "./flv-feeds.ts";
import type { FlvViewer } from "./flv-viewer.ts";

const source = { ...sourceOf(1280, 720), wallClockAtZeroMs: 1_000_000 };

const video = (ms: number, isKeyframe = false, bytes = 95): MediaFrame =>
  videoFrame(ms, isKeyframe, bytes);
const audio = (ms: number): MediaFrame => audioFrame(ms, Uint8Array.of(5));

/** Two groups of pictures; a frame of sound a little before the second keyframe comes after it. */
const FRAMES = [video(0, true), video(33), video(2000, true), audio(1990), video(2033)];

function startFeed(options: { maxBufferedBytes?: number } = {}): FlvFeed {
  const feed = new FlvFeed(options);
  feed.start(source);
  return feed;
}

async function readToEnd(viewer: FlvViewer | null): Promise<FlvTag[]> {
  const tags: FlvTag[] = [];
  const reader = new FlvReader((tag) => tags.push(tag));
  for await (const bytes of viewer?.stream ?? []) reader.push(bytes);
  return tags;
}

const summarise = (tags: readonly FlvTag[]) => tags.map(({ type, dtsMs }) => `${type} ${dtsMs}`);
const FULL = { maxBufferedBytes: 1000 };

describe("FlvFeed", () => {
  test("a viewer gets metadata, headers, then everything from the last keyframe on", async () => {
    const feed = startFeed();
    for (const frame of FRAMES) feed.push(frame);
    const viewer = feed.join();
    feed.push(video(2066));
    feed.end();
    const tags = await readToEnd(viewer);
    expect(summarise(tags)).toEqual([
      "script 0",
      "video 1990",
      "audio 1990",
      "video 2000",
      "audio 1990",
      "video 2033",
      "video 2066",
    ]);
    const [name, metadata] = decodeAmf0(tags[0]?.body ?? new Uint8Array());
    expect(name).toBe("onMetaData");
    expect(Object.fromEntries(metadata as Map<string, unknown>)).toMatchObject({
      width: 1280,
      height: 720,
      framerate: 30,
      audiosamplerate: 48_000,
      startsAtMs: 1_001_990,
    });
    const avcC = source.video?.config.avcC ?? [];
    expect(tags[1]?.body).toEqual(Uint8Array.of(0x17, 0, 0, 0, 0, ...avcC));
    expect(tags[2]?.body).toEqual(Uint8Array.of(0xaf, 0, 0x11, 0x90));
    expect(tags[3]?.body).toEqual(Uint8Array.of(0x17, 1, 0, 0, 0, ...new Uint8Array(95).fill(9)));
    expect(tags[4]?.body).toEqual(Uint8Array.of(0xaf, 1, 5));
    expect(tags[5]?.body[0]).toBe(0x27);
  });

  test("a viewer who comes before the first keyframe begins with it", async () => {
    const feed = startFeed();
    const viewer = feed.join();
    feed.push(audio(5));
    feed.push(video(20, true));
    feed.push(audio(30));
    feed.end();
    expect(summarise(await readToEnd(viewer)).slice(3)).toEqual(["video 20", "audio 30"]);
  });

  test("sound alone begins with any frame", async () => {
    const feed = new FlvFeed();
    feed.start({ ...source, facts: { ...source.facts, video: null }, video: null });
    feed.push(audio(5));
    feed.push(audio(26));
    const viewer = feed.join();
    feed.end();
    expect(summarise(await readToEnd(viewer))).toEqual(["script 0", "audio 26", "audio 26"]);
  });

  test("a frame of a track that the source does not have is left out", async () => {
    const feed = new FlvFeed();
    feed.start({ ...source, facts: { ...source.facts, audio: null }, audio: null });
    const viewer = feed.join();
    feed.push(video(0, true));
    feed.push(audio(5));
    feed.end();
    expect(summarise(await readToEnd(viewer))).toEqual(["script 0", "video 0", "video 0"]);
  });

  test("all viewers are handed the same bytes", async () => {
    const feed = startFeed();
    const viewers = [feed.join(), feed.join()];
    feed.push(video(0, true));
    feed.end();
    const last = await Promise.all(viewers.map(async (viewer) => {
      let seen: Uint8Array | undefined;
      for await (const bytes of viewer?.stream ?? []) seen = bytes;
      return seen;
    }));
    expect(last[0]).toBe(last[1]);
  });

  test("a viewer who is too slow goes on at the next keyframe", async () => {
    const feed = startFeed(FULL);
    const viewer = feed.join();
    feed.push(video(0, true, 400));
    feed.push(video(33, false, 400));
    feed.push(video(66, false, 400));
    feed.push(video(99, false, 100));
    expect(viewer?.queuedBytes).toBe(0);
    feed.push(video(2000, true, 400));
    feed.end();
    expect(viewer?.cut.aborted).toBe(false);
    const tags = await readToEnd(viewer);
    expect(summarise(tags)).toEqual(["script 0", "video 2000", "audio 2000", "video 2000"]);
  });

  test("one who is too slow again before it has caught up is cut", () => {
    const feed = startFeed(FULL);
    const viewer = feed.join();
    for (let group = 0; group < 2; group += 1) {
      feed.push(video(group * 2000, true, 600));
      feed.push(video(group * 2000 + 33, false, 600));
    }
    expect(viewer?.cut.aborted).toBe(true);
    expect(viewer?.queuedBytes).toBe(0);
    expect(feed.viewers).toBe(0);
  });

  test("a long group of pictures at the start is not held against the viewer", () => {
    const feed = startFeed(FULL);
    feed.push(video(0, true, 4000));
    const viewer = feed.join();
    feed.push(video(33, false, 500));
    expect(viewer?.queuedBytes).toBeGreaterThan(4500);
  });

  test("the stream ends when the publisher leaves; who asks then waits for its return", async () => {
    const feed = startFeed();
    feed.push(video(0, true));
    const viewer = feed.join();
    feed.suspend();
    expect(summarise(await readToEnd(viewer)).at(-1)).toBe("video 0");
    expect(feed.viewers).toBe(0);
    expect(feed.join()).toBeNull();
    const waiting = feed.waitUntilLive(5000);
    feed.start(source);
    await waiting;
    expect(feed.isLive).toBe(true);
  });

  test("a reader that leaves is forgotten", async () => {
    const feed = startFeed();
    const viewer = feed.join();
    expect(feed.viewers).toBe(1);
    await viewer?.stream.cancel();
    expect(feed.viewers).toBe(0);
    feed.push(video(0, true));
    expect(viewer?.queuedBytes).toBe(0);
  });
});

describe("FlvFeeds", () => {
  test("a new broadcast of a video takes the place of the one before", () => {
    const feeds = new FlvFeeds();
    const first = feeds.open("abcd");
    const second = feeds.open("abcd");
    expect(first.isEnded).toBe(true);
    feeds.close("abcd", first);
    expect(feeds.get("abcd")).toBe(second);
    feeds.close("abcd", second);
    expect(feeds.get("abcd")).toBeNull();
  });
});
