import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readlink, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFileStorage } from "./fs.ts";
import { StorageError } from "./port.ts";
import { describeStorage, patternBytes, readAll } from "./storage-contract.ts";
import { writeBody } from "./write-body.ts";

async function createFixture() {
  const directory = await mkdtemp(join(tmpdir(), "sluice-storage-"));
  return {
    directory,
    storage: createFileStorage({ directory }),
    remove: () => rm(directory, { recursive: true }),
  };
}

describeStorage("file storage", createFixture);

describe("file storage on disk", () => {
  let fixture: Awaited<ReturnType<typeof createFixture>>;
  beforeEach(async () => {
    fixture = await createFixture();
  });
  afterEach(() => fixture.remove());

  const files = async () =>
    (await readdir(fixture.directory, { recursive: true })).filter((name) => name !== ".incoming")
      .sort();
  /** Of this test: others run in the same process. */
  const openFiles = async () => {
    const links = (await readdir("/proc/self/fd")).map((fd) =>
      readlink(`/proc/self/fd/${fd}`).catch(() => "")
    );
    const paths = await Promise.all(links);
    return paths.filter((path) => path.startsWith(fixture.directory)).length;
  };

  test("stores the bytes as they are under the key", async () => {
    await fixture.storage.put("a/b/x.webp", new Uint8Array(3), { contentType: "image/webp" });
    expect(await files()).toEqual(["a", "a/b", "a/b/x.webp"]);
  });

  test("notes a content type beside the object and removes it with it", async () => {
    await fixture.storage.put("a/original", new Uint8Array(3), { contentType: "image/png" });
    expect(await files()).toEqual(["a", "a/.original.type", "a/original"]);
    await fixture.storage.delete("a/original");
    expect(await files()).toEqual([]);
  });

  test("removes directories that became empty, and no others", async () => {
    const put = (key: string) =>
      fixture.storage.put(key, new Uint8Array(1), { contentType: "application/octet-stream" });
    for (const key of ["a/b/c/1", "a/2", "x/y/3"]) await put(key);
    await fixture.storage.delete("a/b/c/1");
    await fixture.storage.deletePrefix("x/y/");
    expect(await files()).toEqual(["a", "a/2"]);
    expect(existsSync(fixture.directory)).toBe(true);
  });

  test("a failed or aborted put leaves no file and no directory", async () => {
    const { storage } = fixture;
    const contentType = "image/png";
    await storage.put("a/b", new Uint8Array(9), { contentType, maxBytes: 5 }).catch(() => {});
    const signal = AbortSignal.abort();
    await storage.put("c/d", new Uint8Array(9), { contentType, signal }).catch(() => {});
    await storage.put("k", new Uint8Array(1), { contentType });
    await expect(storage.put("k/below", new Uint8Array(1), { contentType }))
      .rejects.toThrow(StorageError);
    expect(await files()).toEqual([".k.type", "k"]);
    expect(await readdir(join(fixture.directory, ".incoming"))).toEqual([]);
  });

  test("sweeps what a killed process left, and nothing younger", async () => {
    const incoming = join(fixture.directory, ".incoming");
    await mkdir(incoming);
    await writeFile(join(incoming, "old"), "x");
    await utimes(join(incoming, "old"), 1, 1);
    await writeFile(join(incoming, "young"), "x");
    await fixture.storage.put("k", new Uint8Array(1), { contentType: "image/png" });
    expect(await readdir(incoming)).toEqual(["young"]);
  });

  test.runIf(existsSync("/proc/self/fd"))("bodies give their file handles back", async () => {
    const { storage } = fixture;
    await storage.put("k", patternBytes(300_000), { contentType: "image/png" });
    const before = await openFiles();
    for (let round = 0; round < 20; round += 1) {
      await readAll(await storage.get("k"));
      await (await storage.get("k"))?.body.cancel();
      const reader = (await storage.get("k"))?.body.getReader();
      await reader?.read();
      await reader?.cancel();
      await storage.get("k", { start: 0, end: 1000 }); // small: holds no handle
      await storage.head("k");
    }
    expect(await openFiles()).toBeLessThanOrEqual(before + 1);
  });

  test("a directory that cannot be used is a StorageError", async () => {
    await rm(fixture.directory, { recursive: true });
    await writeFile(fixture.directory, "");
    const options = { contentType: "image/png" };
    await expect(fixture.storage.put("a/k", new Uint8Array(1), options))
      .rejects.toThrow(StorageError);
  });
});

test.runIf(existsSync("/dev/full"))(
  "writeBody() passes ENOSPC on and stops its source",
  async () => {
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: () => {
        isCancelled = true;
      },
    });
    const full = await open("/dev/full", "w");
    try {
      await expect(writeBody(full, endless, { contentType: "image/png" }))
        .rejects.toMatchObject({ code: "ENOSPC" });
    } finally {
      await full.close();
    }
    expect(isCancelled).toBe(true);
  },
);
