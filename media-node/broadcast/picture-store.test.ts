import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { PictureStore } from "./picture-store.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pictures-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const createStore = (storage: Storage) =>
  new PictureStore({ storage, videoUrl: "abc", epoch: 3, log: silentLogger });
const jpeg = Uint8Array.of(0xff, 0xd8);

test("PictureStore files pictures by their time, a few seconds apart", async () => {
  const storage = createFileStorage({ directory: folder });
  const store = createStore(storage);
  for (const ptsMs of [0, 33.3, 5000, 9999.6]) store.add(ptsMs, jpeg);
  await store.flush();
  const has = async (name: string) => await storage.get(`videos/abc/3/frames/${name}.jpg`) !== null;
  expect(await Promise.all(["0", "33", "5000", "10000"].map(has))).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test("PictureStore survives a storage that fails, and one that hangs keeps no more than eight", async () => {
  const failing = createFileStorage({ directory: join("/proc/no-such-folder") });
  const store = createStore(failing);
  store.add(0, jpeg);
  await store.flush();
  let asked = 0;
  const release = Promise.withResolvers<void>();
  const hanging = createStore({
    ...failing,
    put: async () => {
      asked += 1;
      await release.promise;
      throw new Error("gone");
    },
  });
  for (let n = 0; n < 100; n += 1) hanging.add(n * 5000, jpeg);
  release.resolve();
  await hanging.flush();
  expect(asked).toBeLessThanOrEqual(9);
});
