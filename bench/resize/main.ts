/**
 * Resizing, side by side: CPU time per 12-megapixel JPEG against Pillow, images per second against
 * Celery + Pillow through the same RabbitMQ, peak memory. Medians of three rounds, in turns.
 *
 * Run: `bun bench/resize/main.ts` (Debian: rabbitmq-server, celery, python3-pil).
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { startRabbitMq } from "#test/helpers/rabbitmq.ts";
import { makePhoto } from "./photo.ts";
import { readJson } from "./processes.ts";
import { measureCelery, measureSluice, storePhoto, type Throughput } from "./workers.ts";

const ROUNDS = 3;
const SLUICE_IMAGES = 40;
const CELERY_IMAGES = 12;
const CHILD = new URL("./cpu-child.ts", import.meta.url).pathname;
const PILLOW = new URL("../peers/resize/pillow_cpu.py", import.meta.url).pathname;

type SluiceCpu = { readonly threeSizesMs: number; readonly oneSmallMs: number };
type PillowCpu = SluiceCpu & { readonly oneSmallDraftMs: number };

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function printLine(what: string, ours: number, theirs: number, unit: string, peer: string): void {
  const isRate = unit.endsWith("/s");
  const ratio = isRate ? ours / theirs : theirs / ours;
  const numbers = [`${ours.toFixed(1)} ${unit}`, `${peer} ${theirs.toFixed(1)} ${unit}`];
  console.log(`${what.padEnd(38)} ${numbers.join("   ")}   ratio ${ratio.toFixed(2)}`);
}

async function measureCpu(photoPath: string) {
  const ours: SluiceCpu[] = [];
  const theirs: PillowCpu[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await readJson<SluiceCpu>("bun", [CHILD, photoPath]));
    theirs.push(await readJson<PillowCpu>("/usr/bin/python3", ["-B", PILLOW, photoPath]));
  }
  const three = median(ours.map((it) => it.threeSizesMs));
  const small = median(ours.map((it) => it.oneSmallMs));
  const pillow = (pick: (it: PillowCpu) => number) => median(theirs.map(pick));
  const unit = "ms CPU";
  printLine(
    "3 sizes × 2 formats (goal ≤ 90)",
    three,
    pillow((it) => it.threeSizesMs),
    unit,
    "Pillow",
  );
  printLine("one 80 px JPEG (goal ≤ 30)", small, pillow((it) => it.oneSmallMs), unit, "Pillow");
  printLine("one 80 px JPEG", small, pillow((it) => it.oneSmallDraftMs), unit, "Pillow draft()");
}

async function measureThroughput(photo: Uint8Array, directory: string): Promise<void> {
  const broker = await startRabbitMq();
  try {
    const site = { amqpUrl: broker.url, directory, cores: availableParallelism() };
    await storePhoto(site, photo);
    const ours: Throughput[] = [];
    const theirs: Throughput[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(await measureSluice(site, SLUICE_IMAGES));
      theirs.push(await measureCelery(site, CELERY_IMAGES));
    }
    const rate = (them: readonly Throughput[]) => median(them.map((it) => it.imagesPerS));
    const peakMiB = (them: readonly Throughput[]) =>
      median(them.map((it) => it.peakBytes)) / 2 ** 20;
    printLine("through RabbitMQ (goal ratio ≥ 3)", rate(ours), rate(theirs), "images/s", "Celery");
    printLine("peak memory (goal ≤ 150)", peakMiB(ours), peakMiB(theirs), "MiB", "Celery");
  } finally {
    await broker.stop();
  }
}

const directory = await mkdtemp(join(tmpdir(), "sluice-bench-resize-"));
try {
  const photo = await makePhoto();
  const photoPath = join(directory, "photo.jpg");
  await writeFile(photoPath, photo);
  console.log(
    `4000×3000 JPEG of ${(photo.length / 1e6).toFixed(1)} MB, medians of ${ROUNDS} rounds`,
  );
  await measureCpu(photoPath);
  await measureThroughput(photo, directory);
} finally {
  await rm(directory, { recursive: true });
}
