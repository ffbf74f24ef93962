import { expect, test } from "vitest";
import { ReadyFiles } from "./ready-files.ts";
import { CACHE, type Reply } from "./reply.ts";

let nowMs = 0;
const now = () => nowMs;

function file(bytes: number, overrides: Partial<Reply> = {}): Reply {
  const headers = { "cache-control": CACHE.forever };
  const content = new Blob([new Uint8Array(bytes)]);
  return { status: 200, headers, body: { kind: "bytes", content }, ...overrides };
}

test("ReadyFiles has a file, as it was sent, until its time is over", () => {
  const files = new ReadyFiles({ lifetimeMs: 100, now });
  const reply = file(10);
  files.keep("/a", reply, new Response(null, { headers: { etag: "x" } }));
  nowMs += 50;
  files.keep("/b", file(10), new Response());
  expect(files.find("/a")?.headers.get("etag")).toBe("x");
  expect(reply.body).toMatchObject({ content: files.find("/a")?.content });
  nowMs += 60;
  expect(files.find("/a")).toBeUndefined();
  expect(files.find("/b")).toBeDefined();
});

test("ReadyFiles lets go of the oldest when it has too much", () => {
  const files = new ReadyFiles({ maxBytes: 25, now });
  for (const target of ["/a", "/b", "/b", "/c"]) files.keep(target, file(10), new Response());
  expect(["/a", "/b", "/c"].filter((target) => files.find(target))).toEqual(["/b", "/c"]);
  files.keep("/d", file(30), new Response());
  expect(["/b", "/c", "/d"].filter((target) => files.find(target))).toEqual([]);
});

test("ReadyFiles keeps nothing that may change, and no part of a file", () => {
  const files = new ReadyFiles({ now });
  const others = [
    file(10, { status: 206 }),
    file(10, { headers: { "cache-control": CACHE.plain } }),
    file(10, { body: { kind: "bytes", content: "text" } }),
    file(10, { body: null }),
  ];
  for (const reply of others) files.keep("/a", reply, new Response());
  expect(files.find("/a")).toBeUndefined();
});
