/**
 * Profile pictures over real parts: a real HTTP server, Postgres, RabbitMQ and the real resizer.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "#api/app.ts";
import { createRelay, type Relay } from "#api/background/relay.ts";
import { createResizer } from "#resizer/worker.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { silentLogger } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { createTestApp, SERVICE_TOKEN, type Session, type TestApp } from "#test/helpers/app.ts";
import { type Broker, startRabbitMq } from "#test/helpers/rabbitmq.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { until } from "#test/helpers/until.ts";

type Picture = {
  readonly status: string;
  readonly variants: readonly { url: string; width: number; height: number; contentType: string }[];
};

let broker: Broker;
let app: TestApp;
let served: Served;
let relay: Relay;
const queues: JobQueue[] = [];
let directory: string;

beforeAll(async () => {
  broker = await startRabbitMq();
  directory = await mkdtemp(join(tmpdir(), "sluice-pictures-"));
  const storage = createFileStorage({ directory });
  const [toBroker, fromBroker] = [newQueue(), newQueue()];
  app = await createTestApp({ storage, queue: toBroker, onJob: () => relay.wake() });
  const { fetch } = createApp(app.deps);
  served = serve((request) => fetch(request));
  relay = createRelay({ db: app.deps.db, queue: toBroker, log: silentLogger });
  const control = createControlPlane({ url: served.url, serviceToken: SERVICE_TOKEN });
  await Promise.all(queues.map((queue) => queue.start()));
  await relay.start();
  await createResizer({ queue: fromBroker, storage, control, log: silentLogger, concurrency: 1 })
    .start();
}, 120_000);
afterAll(async () => {
  await relay?.stop();
  await Promise.all(queues.map((queue) => queue.stop()));
  await served?.stop();
  await app?.close();
  await broker?.stop();
  await rm(directory, { recursive: true, force: true });
});

function newQueue(): JobQueue {
  const queue = createAmqpQueue({ url: broker.url, log: silentLogger, confirmDeadlineMs: 2000 });
  queues.push(queue);
  return queue;
}

/** A landscape JPEG of 12 megapixels that its EXIF turns upright, its top (as shown) red. */
async function makePhoto(): Promise<Uint8Array> {
  const [width, height] = [4000, 3000];
  // Orientation 6: the first row is shown on the right, the first column at the top.
  const red = { create: { width: 1000, height, channels: 3, background: "#e00000" } } as const;
  return await sharp({ create: { width, height, channels: 3, background: "#0000e0" } })
    .composite([{ input: red, left: 0, top: 0 }])
    .withExif({ IFD0: { Copyright: "secret place" }, IFD3: { GPSLatitude: "1/1 2/1 3/1" } })
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 80 }).toBuffer();
}

async function upload(session: Session, file: Uint8Array, name: string): Promise<Response> {
  const body = new FormData();
  body.set("image", new File([file as BlobPart], name, { type: "image/jpeg" }));
  return await fetch(`${served.url}/user/profile-picture`, {
    method: "POST",
    headers: { authorization: `Bearer ${session.token}` },
    body,
  });
}

async function readPicture({ token }: Session): Promise<Picture | null> {
  const reply = await app.send<{ picture: Picture | null }>("GET", "/user", { token });
  return reply.body.picture;
}

const isReady = async (session: Session) => (await readPicture(session))?.status === "ready";
const originals = () => readdir(join(directory, "originals")).catch(() => []);

test("a 12-megapixel photo becomes six upright variants without metadata, its original goes", async () => {
  const ada = await app.signIn("ada");
  const response = await upload(ada, await makePhoto(), "photo.jpg");
  expect([response.status, await response.json()]).toMatchObject([202, { status: "pending" }]);
  await until(() => isReady(ada), 15_000);
  const picture = await readPicture(ada);
  expect(picture?.variants.map(({ width, contentType }) => `${width} ${contentType}`).toSorted())
    .toEqual([
      "256 image/jpeg",
      "256 image/webp",
      "512 image/jpeg",
      "512 image/webp",
      "80 image/jpeg",
      "80 image/webp",
    ]);
  for (const { url, width, height } of picture?.variants ?? []) {
    const variant = await app.request(new URL(url).pathname);
    const image = sharp(await variant.arrayBuffer());
    const metadata = await image.metadata();
    expect([metadata.width, metadata.height]).toEqual([width, height]);
    expect([metadata.exif, metadata.xmp, metadata.orientation]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    const middle = Math.floor(width / 2);
    const [top, bottom] = [middle, (height - 1) * width + middle]
      .map((pixel) => (data[pixel * info.channels] ?? 0) > (data[pixel * info.channels + 2] ?? 0));
    expect([top, bottom]).toEqual([true, false]);
  }
  await until(async () => (await originals()).length === 0, 3000);
});

test("a file that is no image inside fails with its code", async () => {
  const eve = await app.signIn("eve");
  const photo = await makePhoto();
  expect((await upload(eve, photo.subarray(0, 20_000), "cut.jpg")).status).toBe(202);
  await until(async () => (await readPicture(eve))?.status === "failed", 15_000);
  expect(await readPicture(eve)).toMatchObject({ failure: { code: "UNSUPPORTED_IMAGE" } });
  await until(async () => (await originals()).length === 0, 3000);
});

test("while RabbitMQ is down uploads are accepted, and done within 5 s of its return", async () => {
  const users = await Promise.all(
    ["kim", "lee", "max"].map((username) => app.signIn(username)),
  );
  await broker.kill();
  const photo = await sharp({
    create: { width: 640, height: 480, channels: 3, background: "#00c000" },
  }).jpeg().toBuffer();
  for (const user of users) expect((await upload(user, photo, "a.jpg")).status).toBe(202);
  for (const user of users) expect(await readPicture(user)).toMatchObject({ status: "pending" });
  await broker.restart();
  const backAt = performance.now();
  await until(async () => (await Promise.all(users.map(isReady))).every(Boolean), 15_000);
  expect(performance.now() - backAt).toBeLessThan(5000);
  const left = await app.deps.db.selectFrom("outbox").select("id").execute();
  expect(left).toEqual([]);
}, 90_000);
