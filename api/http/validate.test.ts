import { Hono } from "hono";
import { expect, test } from "vitest";
import * as z from "zod";
import { silentLogger } from "#shared/log.ts";
import type { ApiEnv } from "../deps.ts";
import { createErrorHandler } from "./problem.ts";
import { MAX_JSON_BYTES, zv, zvOptionalJson } from "./validate.ts";

const schema = z.strictObject({ title: z.string().min(3), tags: z.array(z.string()).optional() });
const app = new Hono<ApiEnv>()
  .post("/json", zv("json", schema), (c) => c.json(c.req.valid("json")))
  .post("/small", zv("json", schema, 20), (c) => c.json(c.req.valid("json")))
  .post("/optional", zvOptionalJson(schema), (c) => c.json(c.req.valid("json") ?? "nothing"))
  .post("/form", zv("form", schema), (c) => c.json(c.req.valid("form")));
app.onError(createErrorHandler({ log: silentLogger }));

const JSON_TYPE = { "content-type": "application/json" };
async function post(path: string, body: BodyInit | null, headers: Record<string, string>) {
  const init = { method: "POST", body, headers, duplex: "half" } as RequestInit;
  const response = await app.request(path, init);
  const { code, errors } = await response.clone().json() as { code?: string; errors?: unknown };
  return { status: response.status, code, errors };
}

test("zv() takes good JSON of any JSON type", async () => {
  for (
    const type of ["application/json", "Application/JSON; charset=utf-8", "application/ld+json"]
  ) {
    expect((await post("/json", '{"title":"good"}', { "content-type": type })).status).toBe(200);
  }
});

test("zv() names each failing field by a JSON pointer", async () => {
  const body = JSON.stringify({ title: "x", tags: ["a", 1], "a/b~c": 1 });
  const { status, errors } = await post("/json", body, JSON_TYPE);
  expect(status).toBe(400);
  expect(errors).toMatchObject([
    { pointer: "/title" },
    { pointer: "/tags/1" },
    { pointer: "/a~1b~0c", detail: "is not a field of this request" },
  ]);
});

test("zv() refuses a missing or another content type with 415", async () => {
  const bytes = new TextEncoder().encode('{"title":"good"}');
  for (
    const headers of [{}, { "content-type": "text/html" }, { "content-type": "application/jsonp" }]
  ) {
    expect(await post("/json", bytes, headers as Record<string, string>)).toMatchObject({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
    });
  }
  expect((await post("/form", "title=good", JSON_TYPE)).status).toBe(415);
});

test("zv() refuses too much JSON with 413, by its declared length and by counting", async () => {
  const large = `{"title":"${"x".repeat(MAX_JSON_BYTES)}"}`;
  const declared = { ...JSON_TYPE, "content-length": String(large.length) };
  expect(await post("/json", large, declared)).toMatchObject({ status: 413 });
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled += 1;
      controller.enqueue(new Uint8Array(16 * 1024));
    },
  });
  expect(await post("/json", endless, JSON_TYPE)).toMatchObject({ status: 413 });
  expect(pulled).toBeLessThan(10);
  expect(await post("/small", '{"title":"more than twenty"}', JSON_TYPE)).toMatchObject({
    status: 413,
  });
});

test("zv() refuses bad UTF-8 and bad JSON by name", async () => {
  for (const body of [new Uint8Array([0x22, 0xff, 0x22]), "{", "", "undefined"]) {
    expect(await post("/json", body, JSON_TYPE)).toMatchObject({
      status: 400,
      code: "INVALID_JSON",
    });
  }
});

test("zvOptionalJson() takes no body, and refuses a bad one", async () => {
  expect(await (await app.request("/optional", { method: "POST" })).json()).toBe("nothing");
  expect((await post("/optional", '{"title":"good"}', JSON_TYPE)).status).toBe(200);
  expect(await post("/optional", '{"title":1}', JSON_TYPE)).toMatchObject({
    code: "VALIDATION_FAILED",
  });
  expect(await post("/optional", "{", JSON_TYPE)).toMatchObject({ code: "INVALID_JSON" });
  expect((await post("/optional", "a=b", { "content-type": "text/plain" })).status).toBe(415);
});
