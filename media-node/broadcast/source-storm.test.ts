/**
 * An encoder whose picture changes its size with every frame: faster than anybody can follow.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { recordTags } from "#test/helpers/tag-publisher.ts";
import { until } from "#test/helpers/until.ts";
import type { FlvTag } from "../formats/flv/flv-tag.ts";

const FRAME_MS = 1000 / 60;
const SECONDS = 8;

/** What each size begins with: its configuration and a keyframe. */
let sizes: (readonly FlvTag[])[];
beforeAll(async () => {
  const recorded = await Promise.all(
    ["320x180", "160x90"].map((size) => recordTags({ size, seconds: 1, audioCodec: null })),
  );
  for (const ladder of POLICIES) sites.set(ladder, await startTestNode({ settings: { ladder } }));
  sizes = recorded.map((tags) => tags.filter(({ type }) => type === "video").slice(0, 2));
});

const POLICIES: readonly LadderPolicy[] = ["auto", "copy"];
const sites = new Map<LadderPolicy, TestNode>();
afterAll(async () => {
  for (const site of sites.values()) await site.stop();
});

/** One frame after the other, each of another size, until it is cut. */
async function publishStorm(site: TestNode, streamKey: string): Promise<RtmpClient> {
  const port = Number(new URL(site.publishUrl(streamKey)).port);
  const { client } = await RtmpClient.publish({ port, streamKey });
  for (let frame = 0; frame * FRAME_MS < SECONDS * 1000 && !client.isClosed; frame += 1) {
    for (const { body } of sizes[frame % 2] ?? []) {
      client.sendVideo(Math.round(frame * FRAME_MS), body);
    }
    await Bun.sleep(FRAME_MS);
  }
  return client;
}

test.each(POLICIES)(
  "with the ladder %s it is ended in words, and the log is not filled with it",
  async (ladder) => {
    const streamKey = `sk_storm${ladder.padEnd(20, "0")}`;
    const site = sites.get(ladder) as TestNode;
    const client = await publishStorm(site, streamKey);
    const { code, description } = await client.nextStatus();
    expect(code).toBe("NetStream.Publish.Failed");
    expect(description).toContain("times in 10 s; at most 60 can be carried. Set one fixed size");
    const { broadcastId } = await until(() => site.control.authorised.get(streamKey), 1000);
    const ended = await until(
      () => site.control.ended.find((report) => report.broadcastId === broadcastId),
      10_000,
    );
    expect(ended).toMatchObject({ reason: "unsupported_source", detail: description });
    const changes = site.log.filter((line) =>
      line.event === "broadcast.source_changed" && line["broadcastId"] === broadcastId
    );
    expect(changes.length).toBeLessThan(4);
    client.destroy();
  },
  30_000,
);
