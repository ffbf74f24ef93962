/**
 * A publish through a whole node, read as FLV while it runs.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { publish } from "#test/helpers/ffmpeg.ts";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";
import { decodeAmf0 } from "../formats/flv/amf0.ts";
import { FlvReader } from "../formats/flv/flv-reader.ts";
import type { FlvTag } from "../formats/flv/flv-tag.ts";
import { parseVideoTag } from "../formats/flv/video-tag.ts";

const KEY = "sk_realtime000000000000001";
let site: TestNode;

beforeAll(async () => {
  site = await startTestNode();
});
afterAll(() => site.stop());

type Reading = { readonly tags: FlvTag[]; readonly ended: Promise<void> };

/** Reads the feed once there is one; the publisher may not have been let in yet. */
async function read(url: string): Promise<Reading> {
  const response = await until(async () => {
    const answer = await fetch(url);
    if (!answer.ok) await answer.body?.cancel();
    return answer.ok ? answer : null;
  }, 20_000);
  const tags: FlvTag[] = [];
  const reader = new FlvReader((tag) => tags.push(tag));
  const drain = async () => {
    for await (const chunk of response.body ?? []) reader.push(chunk);
  };
  return { tags, ended: drain() };
}

const framesOf = (tags: readonly FlvTag[]) => tags.filter(({ type }) => type !== "script").slice(2);

function isVideoKeyframe({ type, body }: FlvTag): boolean {
  const tag = type === "video" ? parseVideoTag(body) : null;
  return tag?.kind === "frame" && tag.isFlaggedKeyframe;
}

/** Unix ms of the feed's first frame as its metadata tells it. */
function startOf(tags: readonly FlvTag[]): number {
  const [, metadata] = decodeAmf0(tags[0]?.body ?? new Uint8Array());
  return Number((metadata as Map<string, unknown>).get("startsAtMs"));
}

test(
  "the feed ends when the publisher drops out, begins again with its return, and is gone after",
  async () => {
    const url = site.publishUrl(KEY);
    const first = publish(url);
    const { videoUrl } = await until(() => site.control.authorised.get(KEY), 10_000);
    const flvUrl = site.playlistUrl(videoUrl).replace(/m3u8$/, "flv");
    const before = await read(flvUrl);
    await until(() => framesOf(before.tags).length > 60, 10_000);
    await first.kill();
    await before.ended;
    const lastMs = before.tags.at(-1)?.dtsMs ?? 0;

    const second = publish(url);
    const after = await read(flvUrl);
    await until(() => framesOf(after.tags).length > 60, 10_000);
    const frames = framesOf(after.tags);
    expect(frames.some(isVideoKeyframe)).toBe(true);
    expect(frames[0]?.dtsMs).toBeGreaterThan(lastMs);
    // The timeline has no gap where nobody published, the clock has.
    const newestMs = startOf(after.tags) + (after.tags.at(-1)?.dtsMs ?? 0) -
      (frames[0]?.dtsMs ?? 0);
    expect(Math.abs(Date.now() - newestMs)).toBeLessThan(2000);
    await second.stop();
    await after.ended;
    expect((await fetch(flvUrl)).status).toBe(404);
  },
  60_000,
);
