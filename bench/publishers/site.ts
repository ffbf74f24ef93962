/**
 * The whole product on ports of its own, which can be killed and started anew, and channels on it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BroadcastBody } from "#shared/contracts/broadcasts.ts";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createUser } from "#test/helpers/api-client.ts";
import { findFreePort } from "#test/helpers/free-port.ts";
import { type RunningSluice, startSluice } from "#test/helpers/sluice.ts";

export type Channel = {
  readonly streamKey: string;
  readonly createVideo: (title: string) => Promise<VideoBody>;
  readonly readVideo: (id: string) => Promise<VideoBody>;
  readonly findRunning: () => Promise<VideoBody | undefined>;
  readonly readBroadcast: (videoId: string) => Promise<BroadcastBody>;
};

export type Site = {
  /** What a broadcaster types in under Settings › Stream. */
  readonly rtmpUrl: string;
  readonly openChannel: (ladder: LadderPolicy) => Promise<Channel>;
  /** What the product has said, over all its starts. */
  readonly talk: () => string;
  /** `kill -9`. */
  readonly kill: () => Promise<void>;
  /** The same again: ports, data folder. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function openSite(): Promise<Site> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "sluice-publishers-"));
  const [api, rtmp, hls] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const env = {
    API_PORT: String(api),
    RTMP_PORT: String(rtmp),
    HLS_PORT: String(hls),
    LADDER: "low=90@150,mid=180@600",
  };
  const start = () => startSluice({ dataDirectory, env });
  let sluice: RunningSluice = await start();
  let earlier = "";
  let channels = 0;
  return {
    rtmpUrl: `rtmp://127.0.0.1:${rtmp}/streaming`,
    openChannel: (ladder) => openChannel(sluice.ready.api, `obs-${channels += 1}`, ladder),
    talk: () => earlier + sluice.talk(),
    kill: () => sluice.kill(),
    restart: async () => {
      earlier += sluice.talk();
      sluice = await start();
    },
    close: async () => {
      await sluice.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function openChannel(api: string, name: string, ladder: LadderPolicy): Promise<Channel> {
  const user = await createUser(api, name);
  const { body } = await user.call<{ streamKey: string }>("POST", "/user/channel");
  await user.call("PATCH", "/user/channel", { ladder });
  const videos = "/user/channel/videos";
  return {
    streamKey: body.streamKey,
    createVideo: async (title) => (await user.call<VideoBody>("POST", videos, { title })).body,
    readVideo: async (id) => (await user.call<VideoBody>("GET", `${videos}/${id}`)).body,
    findRunning: async () =>
      (await user.call<VideoBody[]>("GET", videos)).body.find(({ status }) => status === "RUNNING"),
    readBroadcast: async (id) =>
      (await user.call<BroadcastBody>("GET", `${videos}/${id}/broadcast`)).body,
  };
}
