/**
 * Short broadcasts through the whole product beside other load, and which of their videos got a
 * thumbnail: rendered by the media node, stored, reported, resized, ready.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUser, type TestUser } from "./api-client.ts";
import { publishArgs, recordFlv } from "./ffmpeg.ts";
import { loadMachine } from "./machine-load.ts";
import { type RunningSluice, startSluice } from "./sluice.ts";
import { until } from "./until.ts";

export type PostersOptions = {
  readonly broadcasts: number;
  /** How many run at a time, each on a channel of its own. */
  readonly atOnce: number;
  /** Processes beside it that take all the time they get. */
  readonly load: number;
  /** Default `ffmpeg`. */
  readonly ffmpegPath?: string;
};

export type Posters = {
  readonly broadcasts: number;
  /** Videos with a thumbnail. */
  readonly posters: number;
  /** Attempts that failed and were made up for. */
  readonly failedAttempts: number;
  /** Posters for which a small picture had to do. */
  readonly replaced: number;
};

/** Long enough for every other one to have a settled picture; the others end early. */
const SECONDS = [2, 4, 5, 1.5];
const READY_DEADLINE_MS = 120_000;

export async function countPosters(options: PostersOptions): Promise<Posters> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-posters-"));
  const file = join(folder, "source.flv");
  await writeFile(file, await recordFlv({ size: "640x360", seconds: 6 }));
  const sluice = await startSluice({ env: { FFMPEG_PATH: options.ffmpegPath ?? "ffmpeg" } });
  const stopLoad = loadMachine(options.load);
  try {
    const lanes = await Promise.all(
      Array.from({ length: options.atOnce }, (_, lane) => runLane(sluice, { lane, file, options })),
    );
    const talk = sluice.talk();
    return {
      broadcasts: lanes.reduce((sum, { broadcasts }) => sum + broadcasts, 0),
      posters: lanes.reduce((sum, { posters }) => sum + posters, 0),
      failedAttempts: talk.split("poster.failed").length - 1,
      replaced: talk.split("poster.replaced").length - 1,
    };
  } finally {
    stopLoad();
    await sluice.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Lane = { readonly lane: number; readonly file: string; readonly options: PostersOptions };
type Video = { readonly id: string; readonly status: string; readonly thumbnail: string | null };

/** One broadcast after the other on one channel. */
async function runLane(sluice: RunningSluice, { lane, file, options }: Lane) {
  const { broadcasts, atOnce } = options;
  const user = await createUser(sluice.ready.api, `poster-lane-${lane}`);
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const url = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
  const ids: string[] = [];
  for (let n = lane; n < broadcasts; n += atOnce) {
    const video = await user.call<Video>("POST", "/user/channel/videos", { title: `Show ${n}` });
    ids.push(video.body.id);
    await broadcastOnce(url, file, SECONDS[n % SECONDS.length] ?? 2);
    await until(async () => (await read(user, video.body.id)).status === "ENDED", 30_000);
  }
  return { broadcasts: ids.length, posters: await countReady(user, ids) };
}

async function broadcastOnce(url: string, file: string, seconds: number): Promise<void> {
  const { exited } = publishArgs([
    ...["-re", "-i", file, "-t", String(seconds), "-c", "copy"],
    ...["-f", "flv", "-flvflags", "no_duration_filesize", url],
  ]);
  const { code, stderr } = await exited;
  if (code !== 0) throw new Error(`the publish ended with ${code}: ${stderr}`);
}

async function countReady(user: TestUser, ids: readonly string[]): Promise<number> {
  let ready = 0;
  await until(async () => {
    const videos = await Promise.all(ids.map((id) => read(user, id)));
    ready = videos.filter(({ thumbnail }) => thumbnail !== null).length;
    return ready === ids.length;
  }, READY_DEADLINE_MS).catch(() => {}); // what is missing by then is what is counted
  return ready;
}

async function read(user: TestUser, id: string): Promise<Video> {
  return (await user.call<Video>("GET", `/user/channel/videos/${id}`)).body;
}
