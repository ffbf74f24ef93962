/**
 * A broadcast that the API does not take must not go on where nobody sees it.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { recordTags } from "#test/helpers/tag-publisher.ts";
import { until } from "#test/helpers/until.ts";
import type { FlvTag } from "../formats/flv/flv-tag.ts";

const KEY = "sk_unregistered000000000";
let site: TestNode;
beforeEach(async () => {
  site = await startTestNode();
});
afterEach(() => site.stop());

async function publish(tags: readonly FlvTag[]): Promise<RtmpClient> {
  const port = Number(new URL(site.publishUrl(KEY)).port);
  const { client, status } = await RtmpClient.publish({ port, streamKey: KEY });
  expect(status.code, status.description).toBe("NetStream.Publish.Start");
  for (const { type, dtsMs, body } of tags) {
    if (type === "video") client.sendVideo(dtsMs, body);
    if (type === "audio") client.sendAudio(dtsMs, body);
  }
  return client;
}

test("a start that the API refuses ends the broadcast in words, and the channel is free", async () => {
  const tags = await recordTags({ seconds: 2 });
  site.control.failing.set("/control/started", 400);
  const refused = await publish(tags);
  const told = await refused.nextStatus();
  expect(told.code).toBe("NetStream.Publish.Failed");
  expect(told.description).toMatch(/^The server cannot register this broadcast, .*\.$/);
  await refused.closed();
  const ended = await until(() => site.control.ended[0], 5000);
  expect(ended).toMatchObject({ reason: "unsupported_source", detail: told.description });
  expect(site.log.find(({ event }) => event === "report.refused")).toMatchObject({
    report: "started",
    detail: "asked for 400",
  });

  site.control.failing.clear();
  const client = await publish(tags);
  await until(() => site.control.started.length === 1, 5000);
  client.destroy();
});
