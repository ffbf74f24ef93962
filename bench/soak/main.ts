/**
 * A long broadcast, read as strictly as can be: every load of every playlist against the draft, against
 * the load before it and by hls-parser; over a publisher that drops out and a node that is killed.
 * Then the whole recording: every segment is there, its timestamps go on from the one before, and
 * BANDWIDTH is never below what was measured, nor was it while the broadcast ran.
 *
 *   bun bench/soak/main.ts [seconds] [copy|auto|encode]
 *
 * Prints what there is to complain about; exits with 1 when there is anything. `copy`, the default,
 * serves the source alone and costs next to nothing.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ladderPolicySchema } from "#shared/contracts/broadcast.ts";
import { checkMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkRecording } from "#test/helpers/check-recording.ts";
import { ControlServer } from "#test/helpers/control-server.ts";
import { type Publish, publishArgs, recordFlv } from "#test/helpers/ffmpeg.ts";
import { fetchPlaylist, mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { type NodeProcess, startNodeProcess } from "#test/helpers/node-process.ts";
import { PlaylistReader } from "#test/helpers/playlist-reader.ts";
import { until } from "#test/helpers/until.ts";
import { BandwidthWitness } from "./bandwidth-witness.ts";

const KEY = "sk_0123456789abcdefghij";
const AWAY_MS = 3000;
/** Sound and picture of the file differ in length: each time it begins anew the clock hops. */
const FILE_SECONDS = 10;

const seconds = Number(process.argv[2] ?? 600);
const policy = ladderPolicySchema.parse(process.argv[3] ?? "copy");

type Site = {
  readonly folder: string;
  readonly control: ControlServer;
  node: NodeProcess;
  publisher: Publish;
};

function publishFile(folder: string, rtmpPort: number): Publish {
  const input = ["-re", "-stream_loop", "-1", "-i", join(folder, "source.flv"), "-c", "copy"];
  return publishArgs([...input, "-f", "flv", `rtmp://127.0.0.1:${rtmpPort}/streaming/${KEY}`]);
}

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-soak-"));
  const control = new ControlServer({ settings: { ladder: policy } });
  await control.up();
  control.addKey(KEY);
  const pattern = {
    size: "320x180",
    videoBitrate: "300k",
    keyframeSeconds: 2,
    seconds: FILE_SECONDS,
  };
  await writeFile(join(folder, "source.flv"), await recordFlv(pattern));
  const env = { LADDER: "low=90@150,mid=120@250,high=180@500" };
  const start = (ports: Record<string, string> = {}) =>
    startNodeProcess({ dataDir: folder, controlUrl: control.url, env: { ...env, ...ports } });
  const node = start();
  const { rtmp, hls } = await node.ports();
  const site: Site = { folder, control, node, publisher: publishFile(folder, rtmp) };
  const restart = () => start({ RTMP_PORT: String(rtmp), HLS_PORT: String(hls) });
  try {
    return await soak(site, { rtmp, hls }, restart);
  } finally {
    await site.publisher.kill();
    site.node.child.kill("SIGKILL");
    await site.node.exited;
    await control.down();
    await rm(folder, { recursive: true, force: true });
  }
}

async function soak(
  site: Site,
  { rtmp, hls }: { readonly rtmp: number; readonly hls: number },
  restart: () => NodeProcess,
): Promise<number> {
  const { control, folder } = site;
  const { videoUrl } = await until(() => control.authorised.get(KEY), 10_000);
  const url = `http://127.0.0.1:${hls}/hls-live/${videoUrl}.m3u8`;
  const multivariant = await fetchPlaylist(url, 15_000);
  const readers = [...mediaPlaylistsOf(multivariant, url)].map(([name, rung]) =>
    new PlaylistReader(name, rung)
  );
  const witness = new BandwidthWitness(url, readers);
  const reading = [...readers, witness].map((reader) => reader.run());

  await Bun.sleep(seconds * 1000 / 3);
  console.log("the publisher drops out");
  await site.publisher.kill();
  await Bun.sleep(AWAY_MS);
  site.publisher = publishFile(folder, rtmp);

  await Bun.sleep(seconds * 1000 / 3);
  console.log("the node is killed");
  site.node.child.kill("SIGKILL");
  await site.node.exited;
  await site.publisher.exited;
  site.node = restart();
  await site.node.ports();
  await Bun.sleep(AWAY_MS);
  site.publisher = publishFile(folder, rtmp);

  await Bun.sleep(seconds * 1000 / 3);
  await site.publisher.stop();
  const ended = await until(() => control.ended[0], 20_000);
  await Promise.all(reading);
  const { complaints: recorded, renditions } = await checkRecording({ url });
  const complaints = [
    ...checkMultivariant(multivariant),
    ...readers.flatMap((reader) => reader.complaints),
    ...recorded,
    ...witness.check(renditions),
    ...renditions.flatMap(({ uri, durationS }) =>
      Math.abs(durationS * 1000 - ended.durationMs) <= 1000
        ? []
        : [`${uri}: ${durationS.toFixed(3)} s are recorded of ${ended.durationMs} ms`]
    ),
    ...readers.flatMap(({ name, loads }) =>
      // At least every second segment was seen.
      loads > seconds / 4 ? [] : [`${name}: only ${loads} loads were answered`]
    ),
    ...(control.ended.length === 1 ? [] : [`the end was reported ${control.ended.length} times`]),
    ...(ended.reason === "publisher_stopped" ? [] : [`the broadcast ended: ${ended.reason}`]),
  ];
  for (const { name, loads, deltas, failures } of readers) {
    console.log(`${name}: ${loads} loads, ${deltas} of them deltas, ${failures} not answered`);
  }
  for (const complaint of new Set(complaints)) console.log(`complaint: ${complaint}`);
  console.log(`${complaints.length} complaints over ${(ended.durationMs / 1000).toFixed(1)} s`);
  return complaints.length === 0 ? 0 : 1;
}

process.exit(await main());
