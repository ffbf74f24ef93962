import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtemp, rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { sql } from "kysely";
import { createApp } from "#api/app.ts";
import { reportImage } from "#db/image-reports.ts";
import { claimJobs } from "#db/outbox.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { createTestApp, type Session, type TestApp } from "#test/helpers/app.ts";
import { makePng } from "#test/helpers/images.ts";
import { asImageJob } from "#test/helpers/jobs.ts";
import { insertVideo } from "#test/helpers/rows.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { until } from "#test/helpers/until.ts";

const MIB = 1024 * 1024;
let app: TestApp;
let served: Served;
let directory: string;
let ada: Session;
let jobsTold = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-images-"));
  const storage = createFileStorage({ directory });
  app = await createTestApp({ storage, onJob: () => jobsTold += 1 });
  const { fetch } = createApp(app.deps);
  served = serve((request) => fetch(request));
  ada = await app.signIn("ada");
});
afterEach(async () => {
  await app.deps.db.deleteFrom("outbox").execute();
  await app.deps.db.deleteFrom("images").execute();
  await rm(directory, { recursive: true, force: true });
});
afterAll(async () => {
  await served.stop();
  await app.close();
  await rm(directory, { recursive: true, force: true });
});

const png = (width: number, height: number) => makePng({ width, height, pixelBytes: 100 });

/** A PNG of exactly `bytes`: a valid header, then filling. */
function pngOfBytes(bytes: number): Uint8Array {
  const file = new Uint8Array(bytes);
  file.set(png(640, 480));
  return file;
}

function form(file: Uint8Array | string, name = "photo.png", field = "image"): FormData {
  const data = new FormData();
  data.set(field, new File([file as BlobPart], name, { type: "image/png" }));
  return data;
}

function upload(body: BodyInit, path = "/user/profile-picture", token = ada.token) {
  return app.send<Record<string, unknown> & { id: string }>("POST", path, { token, body });
}

/** Every file below the storage's directory, those being written included. */
async function storedFiles(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    .catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) =>
    join(entry.parentPath, entry.name)
  );
}

async function expectNothingStored(): Promise<void> {
  expect(await storedFiles()).toEqual([]);
  expect(await app.deps.db.selectFrom("images").select("id").execute()).toEqual([]);
  expect(await app.deps.db.selectFrom("outbox").select("id").execute()).toEqual([]);
}

test("POST /user/profile-picture stores the original, row and job, and answers 202 pending", async () => {
  const toldBefore = jobsTold;
  const reply = await upload(form(png(640, 480)));
  expect(reply).toMatchObject({
    status: 202,
    body: { id: expect.any(String), status: "pending", variants: [], failure: null },
  });
  expect(jobsTold).toBe(toldBefore + 1);
  const [row] = await app.deps.db.selectFrom("outbox").select("job").execute();
  const sourceKey = asImageJob(row?.job).sourceKey;
  expect(row?.job).toEqual({
    kind: "image",
    imageId: reply.body.id,
    version: 1,
    purpose: "profile-picture",
    sourceKey,
    targetPrefix: `pictures/${reply.body.id}/1`,
  });
  expect(sourceKey).toMatch(/^originals\/[a-z0-9]{32}\.png$/);
  expect(await app.deps.storage.head(sourceKey)).toMatchObject({
    bytes: png(640, 480).length,
    contentType: "image/png",
  });
  const profile = await app.send("GET", "/user", { token: ada.token });
  expect(JSON.stringify(profile.body)).toContain(`"status":"pending"`);
  expect(JSON.stringify(profile.body)).not.toContain("originals");
});

test("an upload as .NET's HttpClient writes it is accepted", async () => {
  const disposition = "form-data; name=image; filename=a.png; filename*=utf-8''a.png";
  const head = `--9b7e3c55-1d0a\r\nContent-Disposition: ${disposition}\r\n\r\n`;
  const reply = await app.send("POST", "/user/profile-picture", {
    token: ada.token,
    headers: { "content-type": `multipart/form-data; boundary="9b7e3c55-1d0a"` },
    body: new Blob([head, png(640, 480) as BlobPart, `\r\n--9b7e3c55-1d0a--\r\n`]),
  });
  expect(reply.status).toBe(202);
});

test("a second upload takes the first one's job and original back", async () => {
  const first = await upload(form(png(640, 480)));
  const second = await upload(form(png(100, 100)));
  expect(second.body.id).toBe(first.body.id);
  const rows = await app.deps.db.selectFrom("outbox").select("job").execute();
  expect(rows.map(({ job }) => asImageJob(job).version)).toEqual([2]);
  const originals = await storedFiles();
  expect(originals.map((path) => path.slice(directory.length + 1)))
    .toEqual([asImageJob(rows[0]?.job).sourceKey]);
});

test("a second upload leaves the first original to a job that is on its way", async () => {
  await upload(form(png(640, 480)));
  const [claimed] = await claimJobs(app.deps.db, { limit: 1, leaseMs: 10_000 });
  await upload(form(png(100, 100)));
  const rows = await app.deps.db.selectFrom("outbox").select("job").orderBy("id").execute();
  expect(rows.map(({ job }) => asImageJob(job).version)).toEqual([1, 2]);
  expect(await app.deps.storage.head(asImageJob(claimed?.job).sourceKey)).not.toBeNull();
});

test("eight uploads at once are eight versions of one image, with one original left", async () => {
  const replies = await Promise.all(Array.from({ length: 8 }, () => upload(form(png(64, 64)))));
  expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
  const rows = await app.deps.db.selectFrom("outbox").select("job").execute();
  expect(rows.map(({ job }) => asImageJob(job).version)).toEqual([8]);
  const originals = (await storedFiles()).filter((path) => path.includes("originals"));
  expect(originals).toHaveLength(1);
});

const HTML = "<!doctype html><script>alert(1)</script>".repeat(20);
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>`;
const jpegOf = (width: number, height: number) =>
  Uint8Array.of(
    ...[0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255],
    ...[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
  );

test.each([
  ["SVG named .png", SVG, "a.png", 415, "UNSUPPORTED_IMAGE"],
  ["SVG named .svg", SVG, "a.svg", 415, "UNSUPPORTED_IMAGE"],
  ["HTML named .jpg", HTML, "a.jpg", 415, "UNSUPPORTED_IMAGE"],
  [
    "TIFF",
    Uint8Array.of(0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0),
    "a.tif",
    415,
    "UNSUPPORTED_IMAGE",
  ],
  ["an empty file", "", "a.png", 415, "UNSUPPORTED_IMAGE"],
  ["a lone PNG signature", png(64, 64).subarray(0, 8), "a.png", 415, "UNSUPPORTED_IMAGE"],
  ["a 256-megapixel PNG", png(16_000, 16_000), "a.png", 413, "IMAGE_TOO_LARGE"],
  [
    "a 30000×30000 1-bit PNG",
    makePng({ width: 30_000, height: 30_000, bitDepth: 1 }),
    "a.png",
    413,
    "IMAGE_TOO_LARGE",
  ],
  ["a 2³¹-pixel header", png(65_536, 32_768), "a.png", 413, "IMAGE_TOO_LARGE"],
  ["60000×1", png(60_000, 1), "a.png", 413, "IMAGE_TOO_LARGE"],
  ["a JPEG of 51 megapixels", jpegOf(10_000, 5100), "a.jpg", 413, "IMAGE_TOO_LARGE"],
  ["15×64", png(15, 64), "a.png", 415, "UNSUPPORTED_IMAGE"],
  ["10 MiB + 1", pngOfBytes(10 * MIB + 1), "a.png", 413, "PAYLOAD_TOO_LARGE"],
  ["11 MiB", pngOfBytes(11 * MIB), "a.png", 413, "PAYLOAD_TOO_LARGE"],
])("an upload of %s is refused and leaves nothing", async (_what, file, name, status, code) => {
  const overHttp = await fetch(`${served.url}/user/profile-picture`, {
    method: "POST",
    headers: { authorization: `Bearer ${ada.token}` },
    body: form(file, name),
  });
  expect([overHttp.status, (await overHttp.json()).code]).toEqual([status, code]);
  // In process nothing declares the length.
  const reply = await upload(form(file, name));
  expect([reply.status, reply.body["code"]]).toEqual([status, code]);
  expect(reply.headers.get("content-type")).toBe("application/problem+json");
  await expectNothingStored();
});

test("exactly 10 MiB are accepted", async () => {
  expect((await upload(form(pngOfBytes(10 * MIB)))).status).toBe(202);
});

test.each([
  ["no token", {}, 401, "UNAUTHENTICATED"],
  ["a wrong token", { token: "x.y.z" }, 401, "INVALID_TOKEN"],
])("an upload with %s is refused", async (_what, options, status, code) => {
  const body = form(png(64, 64));
  const reply = await app.send("POST", "/user/profile-picture", { ...options, body });
  expect([reply.status, reply.body["code"]]).toEqual([status, code]);
  await expectNothingStored();
});

test("malformed uploads are refused with 4xx", async () => {
  const { token } = ada;
  const type = { "content-type": "multipart/form-data; boundary=B" };
  const cut = `--B\r\nContent-Disposition: form-data; name="image"\r\n\r\n`;
  const pngText = new Blob([cut, png(64, 64) as BlobPart]);
  const twice = form(png(64, 64));
  twice.append("image", new File([png(64, 64) as BlobPart], "b.png"));
  const cases = [
    [{ body: "{}", headers: { "content-type": "application/json" } }, 415],
    [{ body: "x", headers: { "content-type": "multipart/form-data" } }, 415],
    [{ body: "garbage", headers: type }, 400],
    [{ body: pngText, headers: type }, 400],
    [{ headers: type }, 400],
    [{ body: form(png(64, 64), "a.png", "picture") }, 400],
    [{ body: twice }, 400],
  ] as const;
  for (const [options, status] of cases) {
    const reply = await app.send("POST", "/user/profile-picture", { token, ...options });
    expect([options, reply.status]).toEqual([options, status]);
    await expectNothingStored();
  }
});

test("when the transaction fails the original goes again", async () => {
  const { db } = app.deps;
  await sql`alter table outbox rename to outbox_away`.execute(db);
  try {
    expect((await upload(form(png(64, 64)))).status).toBe(500);
  } finally {
    await sql`alter table outbox_away rename to outbox`.execute(db);
  }
  await expectNothingStored();
});

/** A connection that has sent the head of an upload of `contentLength` bytes (null: chunked). */
async function openUpload(
  contentLength: number | null,
): Promise<{ socket: Socket; got: () => string }> {
  const socket = connect(served.port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  let got = "";
  socket.on("data", (data) => got += data.toString());
  socket.on("error", () => {});
  const length = contentLength === null
    ? "transfer-encoding: chunked"
    : `content-length: ${contentLength}`;
  socket.write(
    `POST /user/profile-picture HTTP/1.1\r\nhost: localhost\r\n` +
      `authorization: Bearer ${ada.token}\r\n${length}\r\n` +
      `content-type: multipart/form-data; boundary=B\r\n\r\n`,
  );
  return { socket, got: () => got };
}

const PART_HEAD = `--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n`;

test("a declared length beyond the limit is refused before anything is read", async () => {
  const { socket, got } = await openUpload(50 * MIB);
  await until(() => got().includes("\r\n\r\n"), 3000);
  expect(got()).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
  await expectNothingStored();
});

test("an upload without a declared length is refused as soon as it is too large", async () => {
  const { socket, got } = await openUpload(null);
  const send = (bytes: Uint8Array) => {
    socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    socket.write("\r\n");
  };
  send(new TextEncoder().encode(PART_HEAD));
  send(png(640, 480));
  // Never ends: the answer must come while the body is under way.
  for (let sent = 0; sent < 12; sent += 1) send(new Uint8Array(MIB));
  await until(() => got().includes("PAYLOAD_TOO_LARGE"), 5000);
  expect(got()).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
  await until(async () => (await storedFiles()).length === 0, 5000);
});

test("a bomb is refused by its header while the rest has not been sent", async () => {
  const { socket, got } = await openUpload(5 * MIB);
  const sentAt = performance.now();
  socket.write(PART_HEAD);
  socket.write(png(16_000, 16_000));
  await until(() => got().includes("IMAGE_TOO_LARGE"), 5000);
  expect(performance.now() - sentAt).toBeLessThan(2000);
  socket.destroy();
  await expectNothingStored();
});

test("uploads broken off leave nothing after a second", async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, async () => {
    const { socket } = await openUpload(9 * MIB);
    socket.write(PART_HEAD);
    socket.write(pngOfBytes(2 * MIB));
    return socket;
  }));
  await until(async () => (await storedFiles()).length === 10, 5000);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await storedFiles()).length === 0, 5000);
  await expectNothingStored();
});

async function createChannelWithVideo(session: Session): Promise<string> {
  await app.send("POST", "/user/channel", { token: session.token, json: {} });
  const { id } = await app.deps.db.selectFrom("channels").select("id")
    .where("user_id", "=", session.userId).executeTakeFirstOrThrow();
  return await insertVideo(app.deps.db, id);
}

test("a thumbnail is its video's own, also when the video shared one, and nobody else's", async () => {
  const { db } = app.deps;
  const videoId = await createChannelWithVideo(ada);
  const path = `/user/channel/videos/${videoId}/thumbnail`;
  const first = await upload(form(png(640, 360)), path);
  expect(first).toMatchObject({ status: 202, body: { status: "pending" } });
  const { channel_id: channelId } = await db.selectFrom("videos").select("channel_id")
    .where("id", "=", videoId).executeTakeFirstOrThrow();
  const copyId = await insertVideo(db, channelId);
  await db.updateTable("videos").set({ thumbnail_id: first.body.id }).where("id", "=", copyId)
    .execute();
  const own = await upload(form(png(640, 360)), `/user/channel/videos/${copyId}/thumbnail`);
  expect(own.body.id).not.toBe(first.body.id);
  const again = await upload(form(png(640, 360)), path);
  expect(again.body.id).toBe(first.body.id);

  const filesBefore = await storedFiles();
  const eve = await app.signIn("eve");
  for (const id of [videoId, crypto.randomUUID(), "nonsense"]) {
    const foreign = await upload(
      form(png(64, 64)),
      `/user/channel/videos/${id}/thumbnail`,
      eve.token,
    );
    expect([id, foreign.status, foreign.body["code"]]).toEqual([id, 404, "NOT_FOUND"]);
  }
  expect(await storedFiles()).toEqual(filesBefore);
});

test("GET /user/profile-picture/:name serves a variant, cacheable for ever", async () => {
  const { db, storage } = app.deps;
  const { body: { id } } = await upload(form(png(640, 480)));
  const key = `pictures/${id}/1/80.webp`;
  await storage.put(key, new TextEncoder().encode("RIFFwebp"), { contentType: "image/webp" });
  const variant = { name: "80.webp", key, contentType: "image/webp" as const, bytes: 8 };
  const variants = [{ ...variant, width: 80, height: 80 }];
  await reportImage(db, { status: "ready", imageId: id, version: 1, variants });

  const profile = await app.send<{ picture: { status: string; variants: { url: string }[] } }>(
    "GET",
    "/user",
    { token: ada.token },
  );
  expect(profile.body.picture).toMatchObject({ status: "ready", variants: [{ width: 80 }] });
  const { pathname } = new URL(profile.body.picture.variants[0]?.url ?? "");
  expect(pathname).toBe(`/user/profile-picture/${id}-1-80.webp`);

  const served = await app.request(pathname);
  expect(served.status).toBe(200);
  expect(Object.fromEntries(served.headers)).toMatchObject({
    "content-type": "image/webp",
    "content-length": "8",
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
  });
  expect(await served.text()).toBe("RIFFwebp");
  const etag = served.headers.get("etag") ?? "";
  for (const wanted of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const same = await app.request(pathname, { headers: { "if-none-match": wanted } });
    expect([wanted, same.status, await same.text()]).toEqual([wanted, 304, ""]);
  }
  const other = await app.request(pathname, { headers: { "if-none-match": `"other"` } });
  expect(other.status).toBe(200);
  await other.body?.cancel();
  const head = await app.request(pathname, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);

  // While the next version is pending the one before is shown.
  await upload(form(png(100, 100)));
  const pending = await app.send<{ picture: unknown }>("GET", "/user", { token: ada.token });
  expect(pending.body.picture).toMatchObject({
    status: "pending",
    variants: [{ url: profile.body.picture.variants[0]?.url }],
  });
});

test("image names reach no original, no other folder and nothing outside", async () => {
  const { storage } = app.deps;
  const { body: { id } } = await upload(form(png(640, 480)));
  const [row] = await app.deps.db.selectFrom("outbox").select("job").execute();
  const original = asImageJob(row?.job).sourceKey.split("/")[1] ?? "";
  await storage.put(`thumbnails/${id}/1/80.webp`, new Uint8Array(4), { contentType: "image/webp" });
  const names = [
    original,
    original.replace(".png", ".webp"),
    `..%2f..%2foriginals%2f${original}`,
    `${id}-1-..%2f80.webp`,
    `${id}-1-80.webp`, // a thumbnail's
    `${id}-1-81.webp`,
    `${id}-2-80.webp`,
    `${"-".repeat(36)}-1-80.webp`,
    "%00",
    "%ff",
    "a".repeat(5000),
  ];
  for (const name of names) {
    const response = await app.request(`/user/profile-picture/${name}`);
    expect([name, response.status]).toEqual([name, 404]);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    await response.body?.cancel();
  }
  expect((await app.request(`/videos/thumbnails/${id}-1-80.webp`)).status).toBe(200);
});

test("the OpenAPI document tells how to upload", async () => {
  type Document = {
    paths: Record<string, { post?: { requestBody?: unknown; responses: object } }>;
  };
  const { body: { paths } } = await app.send<Document>("GET", "/openapi.json");
  for (const path of ["/user/profile-picture", "/user/channel/videos/{id}/thumbnail"]) {
    const post = paths[path]?.post;
    expect(post?.requestBody).toMatchObject({
      content: { "multipart/form-data": { schema: { required: ["image"] } } },
    });
    expect(Object.keys(post?.responses ?? {})).toEqual(
      expect.arrayContaining(["202", "400", "401", "404", "413", "415"]),
    );
  }
});
