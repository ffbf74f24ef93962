/**
 * `--demo`: somebody is live before OBS is opened.
 */
import { join } from "node:path";
import * as z from "zod";
import type { Logger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { type Credentials, makeCredentials, prepareDemo } from "../demo/demo-api.ts";
import { createDemoPublisher, type DemoPublisher } from "../demo/publisher.ts";
import { CommandError } from "../exit-codes.ts";
import { readOrMake } from "./data-files.ts";
import type { DevOptions } from "./options.ts";
import { type Addresses, loopbackOf, type Ports } from "./urls.ts";

export type Demo = {
  readonly document: Credentials & { readonly streamKey: string; readonly videoUrl: string };
  readonly publisher: DemoPublisher;
};

export type DemoOptions = {
  readonly options: DevOptions;
  readonly ports: Ports;
  readonly addresses: Addresses;
  readonly log: Logger;
};

const PLAYABLE_DEADLINE_MS = 45_000;
const POLL_MS = 100;
const credentialsSchema = z.object({ username: z.string(), password: z.string() });

/** Resolves when the demo's playlist is answered. @throws CommandError when it never is */
export async function startDemo(demo: DemoOptions): Promise<Demo> {
  const { settings, dataDirectory } = demo.options;
  const host = loopbackOf(settings.HOST);
  const file = join(dataDirectory, "demo.json");
  const kept = await readOrMake(file, () => JSON.stringify(makeCredentials()));
  const credentials = credentialsSchema.parse(JSON.parse(kept));
  const channel = await prepareDemo(`http://${host}:${demo.ports.api}`, credentials);
  const publisher = createDemoPublisher({
    ffmpegPath: settings.FFMPEG_PATH,
    rtmpUrl: `rtmp://${host}:${demo.ports.rtmp}/streaming`,
    streamKey: channel.streamKey,
    dataDirectory,
    log: demo.log,
  });
  await publisher.start();
  try {
    const playlist = `/hls-live/${channel.video.url}.m3u8`;
    await waitUntilPlayable(`http://${host}:${demo.ports.hls}${playlist}`);
  } catch (error) {
    await publisher.stop();
    throw error;
  }
  return {
    document: { ...credentials, streamKey: channel.streamKey, videoUrl: channel.video.url },
    publisher,
  };
}

async function waitUntilPlayable(url: string): Promise<void> {
  const deadline = performance.now() + PLAYABLE_DEADLINE_MS;
  let last = "no answer";
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      await response.body?.cancel();
      if (response.ok) return;
      last = `status ${response.status}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(POLL_MS);
  }
  throw new CommandError("timedOut", `the demo did not get on air: ${url}: ${last}`);
}
