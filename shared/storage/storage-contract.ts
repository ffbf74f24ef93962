/**
 * What every storage adapter must do, as one test suite run over all of them.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ObjectTooLargeError, type Storage, StorageError, type StoredObject } from "./port.ts";

export type StorageFixture = {
  readonly storage: Storage;
  readonly remove: () => Promise<void>;
};

const TEXT = { contentType: "text/plain" };
const utf8 = new TextEncoder();
const MALFORMED_KEYS = ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a\\b", "a b", "ä"];

/** The bytes of `object`, read to the end. */
export async function readAll(object: StoredObject | null): Promise<Uint8Array> {
  if (object === null) throw new Error("there is no such object");
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

/** Bytes that differ from place to place. */
export function patternBytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
}

/** Runs the contract over the adapter that `create` makes, a fresh one for each test. */
export function describeStorage(name: string, create: () => Promise<StorageFixture>): void {
  let fixture: StorageFixture;
  let storage: Storage;
  beforeEach(async () => {
    fixture = await create();
    storage = fixture.storage;
  });
  afterEach(() => fixture.remove());

  const text = async (key: string) =>
    new TextDecoder().decode(await readAll(await storage.get(key)));
  const put = (key: string, content: string) => storage.put(key, utf8.encode(content), TEXT);
  const keys = async (prefix: string) => {
    const found: string[] = [];
    for await (const { key } of storage.list(prefix)) found.push(key);
    return found;
  };

  describe(`${name}: put() and get()`, () => {
    test("give back the bytes and the facts", async () => {
      const facts = await put("a/b/c.txt", "hello");
      expect(facts).toMatchObject({ key: "a/b/c.txt", bytes: 5, contentType: "text/plain" });
      expect(facts.etag).toMatch(/^"[^"]+"$/);
      expect(Math.abs(Date.now() - facts.modifiedAt.getTime())).toBeLessThan(10_000);
      expect(await storage.head("a/b/c.txt")).toEqual(facts);
      const object = await storage.get("a/b/c.txt");
      expect(object).toMatchObject(facts);
      expect(new TextDecoder().decode(await readAll(object))).toBe("hello");
    });

    test("keep the content type, whatever the extension", async () => {
      for (const contentType of ["image/png", "image/webp", "application/octet-stream"]) {
        await storage.put("a/x.webp", utf8.encode("x"), { contentType });
        expect((await storage.head("a/x.webp"))?.contentType).toBe(contentType);
        expect((await storage.get("a/x.webp"))?.contentType).toBe(contentType);
      }
    });

    test("take a stream of many reads, and an empty one", async () => {
      const bytes = patternBytes(300_000);
      let sent = 0;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent >= bytes.length) return controller.close();
          controller.enqueue(bytes.subarray(sent, sent + 7001));
          sent += 7001;
        },
      });
      expect((await storage.put("big", stream, TEXT)).bytes).toBe(300_000);
      expect(await readAll(await storage.get("big"))).toEqual(bytes);
      await storage.put("none", new Response("").body ?? new Uint8Array(), TEXT);
      expect(await text("none")).toBe("");
    });

    test("replace an object whole; each write has an etag of its own", async () => {
      const etags = new Set<string>();
      for (let round = 0; round < 30; round += 1) {
        etags.add((await put("same", `round ${round % 10}`)).etag);
      }
      expect(etags.size).toBe(30);
      expect(await text("same")).toBe("round 9");
    });

    test("a reader of the old object is not disturbed by a new one", async () => {
      const old = patternBytes(500_000);
      await storage.put("k", old, TEXT);
      const object = await storage.get("k");
      await put("k", "new");
      expect(await readAll(object)).toEqual(old);
      expect(await text("k")).toBe("new");
    });

    test("20 parallel writes leave one whole object", async () => {
      const bodies = Array.from({ length: 20 }, (_, index) => String(index % 10).repeat(50_000));
      await Promise.all(bodies.map((body) => put("race/k", body)));
      const result = await text("race/k");
      expect(result).toBe((result[0] ?? "").repeat(50_000));
    });
  });

  describe(`${name}: get() with a range`, () => {
    test.each([
      [{ start: 0, end: 0 }, 0, 1],
      [{ start: 10, end: 19 }, 10, 20],
      [{ start: 0, end: 249_999 }, 0, 250_000],
      [{ start: 100_000, end: 400_000 }, 100_000, 250_000],
      [{ start: 249_999, end: 249_999 }, 249_999, 250_000],
    ])("%j gives those bytes", async (range, from, to) => {
      const bytes = patternBytes(250_000);
      await storage.put("k", bytes, TEXT);
      const object = await storage.get("k", range);
      expect(object?.bytes).toBe(250_000);
      expect(await readAll(object)).toEqual(bytes.subarray(from, to));
    });

    test("a body may be cancelled half-way", async () => {
      await storage.put("k", patternBytes(400_000), TEXT);
      const reader = (await storage.get("k"))?.body.getReader();
      expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
      await reader?.cancel();
      await storage.delete("k");
      expect(await storage.get("k")).toBeNull();
    });
  });

  describe(`${name}: a failing put()`, () => {
    const endless = () => {
      const state = { isCancelled: false };
      const stream = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
        cancel: () => {
          state.isCancelled = true;
        },
      });
      return { stream, state };
    };

    test("stops an endless body just past maxBytes and keeps what was there", async () => {
      await put("k", "before");
      const { stream, state } = endless();
      await expect(storage.put("k", stream, { ...TEXT, maxBytes: 25_000 }))
        .rejects.toThrow(ObjectTooLargeError);
      expect(state.isCancelled).toBe(true);
      expect(await text("k")).toBe("before");
    });

    test("maxBytes itself is allowed, one more is not", async () => {
      const options = { ...TEXT, maxBytes: 10 };
      expect((await storage.put("k", new Uint8Array(10), options)).bytes).toBe(10);
      await expect(storage.put("l", new Uint8Array(11), options))
        .rejects.toThrow(ObjectTooLargeError);
      expect(await keys("")).toEqual(["k"]);
    });

    test("ends at once when aborted while the body is silent, and leaves nothing", async () => {
      const abort = new AbortController();
      const silent = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(1000)),
        pull: () => {
          abort.abort(new Error("the client is gone"));
          return new Promise(() => {});
        },
      });
      await expect(storage.put("a/k", silent, { ...TEXT, signal: abort.signal }))
        .rejects.toThrow("the client is gone");
      expect(await keys("")).toEqual([]);
    });

    test("refuses to begin when aborted before", async () => {
      const { stream, state } = endless();
      const signal = AbortSignal.abort(new Error("too late"));
      await expect(storage.put("k", stream, { ...TEXT, signal })).rejects.toThrow("too late");
      expect(state.isCancelled).toBe(true);
    });

    test("passes the body's own error on", async () => {
      const broken = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new RangeError("the upload broke")),
      });
      await expect(storage.put("a/k", broken, TEXT)).rejects.toThrow(RangeError);
      expect(await storage.head("a/k")).toBeNull();
    });
  });

  describe(`${name}: keys`, () => {
    test("what is not there is null, and may be deleted", async () => {
      expect(await storage.get("no/such")).toBeNull();
      expect(await storage.head("no/such")).toBeNull();
      await storage.delete("no/such");
      await storage.deletePrefix("no/");
      await put("k", "x");
      expect(await storage.get("k/below")).toBeNull();
      expect(await storage.head("x".repeat(400))).toBeNull();
    });

    test("a directory is no object", async () => {
      await put("a/b/c", "x");
      expect(await storage.get("a/b")).toBeNull();
      expect(await storage.head("a")).toBeNull();
    });

    test.each(MALFORMED_KEYS)("%j is refused everywhere", async (key) => {
      await expect(put(key, "x")).rejects.toThrow(StorageError);
      await expect(storage.get(key)).rejects.toThrow(StorageError);
      await expect(storage.head(key)).rejects.toThrow(StorageError);
      await expect(storage.delete(key)).rejects.toThrow(StorageError);
      await expect(storage.deletePrefix(`${key}/`)).rejects.toThrow(StorageError);
    });

    test("deletePrefix() needs its slash", async () => {
      await put("ab", "x");
      await expect(storage.deletePrefix("a")).rejects.toThrow(StorageError);
      expect(await keys("")).toEqual(["ab"]);
    });
  });

  describe(`${name}: list() and deletePrefix()`, () => {
    const KEYS = ["a", "b-1/x", "b.1", "b/1/x", "b/1/y", "b/10", "b/2", "b0", "c/d/e/f"];
    beforeEach(async () => {
      for (const key of KEYS.toReversed()) await put(key, key);
    });

    test("list every key in order with its size", async () => {
      const found: unknown[] = [];
      for await (const entry of storage.list("")) found.push(entry);
      expect(found).toEqual(KEYS.map((key) => ({ key, bytes: key.length })));
    });

    test.each([
      ["b/", ["b/1/x", "b/1/y", "b/10", "b/2"]],
      ["b/1", ["b/1/x", "b/1/y", "b/10"]],
      ["b", ["b-1/x", "b.1", "b/1/x", "b/1/y", "b/10", "b/2", "b0"]],
      ["c/d/e/f", ["c/d/e/f"]],
      ["nothing/", []],
    ])("list below %j", async (prefix, expected) => {
      expect(await keys(prefix)).toEqual(expected);
    });

    test("deletePrefix() takes what is below and nothing beside", async () => {
      await storage.deletePrefix("b/1/");
      await storage.deletePrefix("c/");
      expect(await keys("")).toEqual(["a", "b-1/x", "b.1", "b/10", "b/2", "b0"]);
    });

    test("delete() takes one", async () => {
      for (const key of KEYS.filter((key) => key !== "b/2")) await storage.delete(key);
      expect(await keys("")).toEqual(["b/2"]);
    });
  });

  test(`${name}: neighbours written and deleted in parallel do not disturb each other`, async () => {
    const run = async (worker: number) => {
      for (let round = 0; round < 15; round += 1) {
        const key = `shared/dir/${worker}`;
        await put(key, `${worker}-${round}`);
        expect(await text(key)).toBe(`${worker}-${round}`);
        await storage.delete(key);
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5].map(run));
    expect(await keys("")).toEqual([]);
  });
}
