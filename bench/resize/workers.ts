/**
 * Sluice's resizer and Celery with Pillow on the same broker, storage directory and report address.
 */
import { createServer } from "node:http";
import { join } from "node:path";
import { newId } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { until } from "#test/helpers/until.ts";
import { peakBytesOf, readJson, type Spawned, start } from "./processes.ts";

const PEER = new URL("../peers/resize/", import.meta.url).pathname;
const MAIN = new URL("../../resizer/main.ts", import.meta.url).pathname;
const PYTHON = "/usr/bin/python3";
const TOKEN = "t".repeat(40);
/** The first images pay for the start. */
const WARM_UP = 4;
const DEADLINE_MS = 120_000;

export type Site = { readonly amqpUrl: string; readonly directory: string; readonly cores: number };
export type Throughput = { readonly imagesPerS: number; readonly peakBytes: number };

/** Key of the photo in the storage. */
export const SOURCE = "uploads/photo";

/** Jobs through Sluice: queued first, then worked off by the resizer's real process. */
export async function measureSluice(site: Site, images: number): Promise<Throughput> {
  const queue = createAmqpQueue({ url: site.amqpUrl, log: silentLogger });
  await queue.start();
  await until(() => queue.isConnected(), 10_000);
  for (let count = 0; count < images + WARM_UP; count += 1) {
    const imageId = newId();
    await queue.publish({
      id: imageId,
      job: {
        kind: "image",
        imageId,
        version: 1,
        purpose: "profile-picture",
        sourceKey: SOURCE,
        targetPrefix: `images/${imageId}/1`,
      },
    });
  }
  await queue.stop();
  return await timeReports(images, (reportUrl) =>
    start("bun", [MAIN], {
      cwd: site.directory,
      env: {
        PATH: process.env["PATH"] ?? "",
        AMQP_URL: site.amqpUrl,
        CONTROL_URL: reportUrl,
        SLUICE_DATA_DIR: site.directory,
        SLUICE_SERVICE_TOKEN: TOKEN,
      },
    }));
}

/** The same through Celery, one process a core. */
export async function measureCelery(site: Site, images: number): Promise<Throughput> {
  const media = join(site.directory, "media");
  return await timeReports(images, async (reportUrl) => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      PYTHONPATH: PEER,
      PYTHONDONTWRITEBYTECODE: "1",
      AMQP_URL: site.amqpUrl,
      BENCH_DATA_DIR: media,
      BENCH_REPORT_URL: reportUrl,
    };
    const script = `import os, runpy, sys\nos.environ.update(${JSON.stringify(env)})\n` +
      `sys.path.insert(0, ${JSON.stringify(PEER)})\n` +
      `sys.argv = ["publish.py", "${images + WARM_UP}", "${SOURCE}"]\n` +
      `runpy.run_path(${JSON.stringify(join(PEER, "publish.py"))})\nprint("null")`;
    await readJson(PYTHON, ["-c", script]);
    const args = ["-m", "celery", "-A", "tasks", "worker", "-c", String(site.cores)];
    const quiet = ["--loglevel=ERROR", "--without-gossip", "--without-mingle"];
    return start(PYTHON, [...args, ...quiet], { cwd: site.directory, env });
  });
}

/** Images per second between the first and the last report after the warm-up. */
async function timeReports(
  images: number,
  startWorker: (reportUrl: string) => Spawned | Promise<Spawned>,
): Promise<Throughput> {
  const times: number[] = [];
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      times.push(performance.now());
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const worker = await startWorker(`http://127.0.0.1:${port}/report`);
  try {
    await until(() => times.length >= images + WARM_UP, DEADLINE_MS);
    const elapsedMs = (times[images + WARM_UP - 1] ?? 0) - (times[WARM_UP - 1] ?? 0);
    const peakBytes = await peakBytesOf(worker.child.pid ?? 0);
    return { imagesPerS: images * 1000 / elapsedMs, peakBytes };
  } finally {
    await worker.stop();
    server.closeAllConnections();
    server.close();
  }
}

/** Puts the photo where both workers find it. */
export async function storePhoto(site: Site, photo: Uint8Array): Promise<void> {
  const storage = createFileStorage({ directory: join(site.directory, "media") });
  await storage.put(SOURCE, photo, { contentType: "image/jpeg" });
}
