import { beforeAll, describe, expect, test } from "vitest";
import { assetPath, type Assets } from "./assets.ts";
import type { FetchHandler } from "./api-client.ts";
import { createSite } from "./site.tsx";

const bytes = (text: string) => new TextEncoder().encode(text);
const assets: Assets = new Map([
  ["site-1a2b.css", { contentType: "text/css; charset=utf-8", body: bytes("body{}") }],
  ["watch-3c4d.js", {
    contentType: "text/javascript; charset=utf-8",
    body: bytes("plain"),
    compressed: { br: bytes("as br"), gzip: bytes("as gzip") },
  }],
  ["hls-player-7a8b.js", { contentType: "text/javascript; charset=utf-8", body: bytes("3") }],
  ["sluice-player-9c0d.js", { contentType: "text/javascript; charset=utf-8", body: bytes("4") }],
  ["prefetch-5e6f.js", { contentType: "text/javascript; charset=utf-8", body: bytes("2") }],
]);
const VIDEO = {
  url: "abc123def456",
  title: `<script>alert("x")</script>`,
  description: `"Quoted" & <b>bold</b>`,
  thumbnail: "http://site.test/videos/thumbnails/x-1-1280.jpg",
  status: "RUNNING",
  playbackUrl: "http://media.test:8080/hls-live/abc123def456.m3u8",
  recording: null,
  startedAt: "2026-01-02T03:04:05.000Z",
  endedAt: null,
  durationMs: null,
  createdAt: "2026-01-02T03:00:00.000Z",
  surplus: true,
};
const RECORDED = { ...VIDEO, url: "recorded1234", status: "ENDED", description: null };

let isDown: boolean;
const api: FetchHandler = (request) => {
  const { pathname } = new URL(request.url);
  if (isDown) return Response.json({ code: "UNAVAILABLE" }, { status: 503 });
  if (pathname === "/videos") return Response.json([VIDEO]);
  if (pathname === `/videos/${VIDEO.url}`) return Response.json(VIDEO);
  if (pathname === `/videos/${RECORDED.url}`) return Response.json(RECORDED);
  return Response.json({ code: "NOT_FOUND", pathname, method: request.method }, { status: 404 });
};
const site = createSite({
  api,
  publicUrl: "http://site.test",
  hlsUrl: "http://media.test:8080",
  assets,
});
const get = (path: string) => site(new Request(new URL(path, "http://localhost:8000")));

/** What the page's meta elements say, by name or property. */
function metaOf(page: string): Record<string, string> {
  const found = page.matchAll(/<meta (?:name|property)="([^"]+)" content="([^"]*)"/g);
  const entries = Array.from(found, ([, name = "", content = ""]): [string, string] => [
    name,
    content.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&"),
  ]);
  return Object.fromEntries(entries.filter(([name]) => name !== "viewport"));
}

beforeAll(() => {
  isDown = false;
});

describe("GET /watch/:url", () => {
  test("shows the video with its title escaped and its bundle by its hash", async () => {
    const response = await get(`/watch/${VIDEO.url}`);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toMatch(/^<!doctype html>/);
    expect(text).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
    expect(text).not.toContain("<script>alert");
    expect(text).toContain(`<script type="module" src="/assets/watch-3c4d.js">`);
    expect(text).toContain(`<script type="module" async="" src="/assets/prefetch-5e6f.js">`);
    expect(text).toMatch(new RegExp(`<link rel="preload"[^>]* href="${VIDEO.playbackUrl}"`));
    expect(text).toContain(`data-video="${VIDEO.url}"`);
    expect(text).toMatch(/data-status="RUNNING">LIVE</);
    expect(text).toContain(`<link rel="modulepreload" href="/assets/hls-player-7a8b.js"/>`);
  });

  test("asks early for what is live only", async () => {
    const text = await (await get(`/watch/${RECORDED.url}`)).text();
    expect(text).toContain(`data-video="${RECORDED.url}"`);
    expect(text).not.toMatch(/rel="(?:module)?preload"|prefetch/);
  });

  test("tells link previews, search engines and players what it shows", async () => {
    const text = await (await get(`/watch/${VIDEO.url}`)).text();
    expect(metaOf(text)).toEqual({
      description: VIDEO.description,
      "og:site_name": "Sluice",
      "og:type": "video.other",
      "og:title": VIDEO.title,
      "og:description": VIDEO.description,
      "og:url": `http://site.test/watch/${VIDEO.url}`,
      "og:image": VIDEO.thumbnail,
      "og:image:alt": VIDEO.title,
      "og:video": VIDEO.playbackUrl,
      "og:video:type": "application/vnd.apple.mpegurl",
      "twitter:card": "summary_large_image",
    });
    expect(text).toContain(`<link rel="canonical" href="http://site.test/watch/${VIDEO.url}"`);
    const [, data = ""] = /<script type="application\/ld\+json">(.*?)<\/script>/s.exec(text) ?? [];
    expect(JSON.parse(data)).toMatchObject({ name: VIDEO.title, contentUrl: VIDEO.playbackUrl });
  });

  test("leads players to the stream, and to nothing where there is no video", async () => {
    const headers = { "icy-metadata": "1" };
    const ask = (url: string) =>
      site(new Request(`http://localhost:8000/watch/${url}`, { headers }));
    const response = await ask(VIDEO.url);
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe(VIDEO.playbackUrl);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await ask("nosuchvideo1")).status).toBe(404);
  });

  test("names no stream of what is not kept, and nobody's address but its own", async () => {
    const url = `http://evil.test/watch/${RECORDED.url}`;
    const text = await (await site(new Request(url, { headers: { host: "evil.test" } }))).text();
    expect(Object.keys(metaOf(text))).not.toContain("og:video");
    expect(text).not.toContain("evil.test");
  });

  test("lets scripts come from us alone and media from the playback server", async () => {
    const { headers } = await get(`/watch/${VIDEO.url}`);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("connect-src 'self' http://media.test:8080;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("an unknown video is a page that says so", async () => {
    const response = await get("/watch/nosuchvideo1");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("No such video");
  });

  test("speaks the reader's language, or English", async () => {
    const inLanguage = async (language: string) => {
      const headers = { "accept-language": language };
      const path = `http://localhost:8000/watch/${VIDEO.url}`;
      return await (await site(new Request(path, { headers }))).text();
    };
    expect(await inLanguage("de-AT,de;q=0.9,en;q=0.8")).toMatch(/<html lang="de">[^]*Echtzeit/);
    expect(await inLanguage("de-AT")).toContain(`<html lang="de">`);
    expect(await inLanguage("de;q=0, en")).toContain(`<html lang="en">`);
    expect(await inLanguage("en;q=0.5, DE-ch;q=0.7")).toContain(`<html lang="de">`);
    expect(await inLanguage("fr-FR,fr;q=0.9")).toMatch(/<html lang="en">[^]*Real time/);
  });

  test("while the API is down it says to try again", async () => {
    isDown = true;
    try {
      expect((await get(`/watch/${VIDEO.url}`)).status).toBe(503);
    } finally {
      isDown = false;
    }
  });
});

test("GET / links what is live", async () => {
  const response = await get("/");
  expect(response.status).toBe(200);
  expect(await response.text()).toContain(`href="/watch/${VIDEO.url}"`);
});

test("GET /assets/:name is cached for good; an unknown one is the API's to answer", async () => {
  const response = await get("/assets/site-1a2b.css");
  expect(response.headers.get("cache-control")).toContain("immutable");
  expect(await response.text()).toBe("body{}");
  expect((await get("/assets/site-0000.css")).status).toBe(404);
});

test("GET /player.js is the player for a page of any origin", async () => {
  const response = await get("/player.js");
  expect(response.headers.get("content-type")).toContain("text/javascript");
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(response.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
  const [, path = ""] = /^export \* from "(.*)";\n$/.exec(await response.text()) ?? [];
  expect(path).toBe("./assets/sluice-player-9c0d.js");
  const chunk = await get("/assets/sluice-player-9c0d.js");
  expect(chunk.headers.get("access-control-allow-origin")).toBe("*");
});

describe("an asset", () => {
  const ask = (headers: Record<string, string>, method = "GET") =>
    site(new Request("http://localhost:8000/assets/watch-3c4d.js", { method, headers }));

  test.each([
    ["gzip, deflate, br", "br", "as br", `"watch-3c4d.js-br"`],
    ["gzip", "gzip", "as gzip", `"watch-3c4d.js-gzip"`],
    ["br;q=0, gzip;q=0", null, "plain", `"watch-3c4d.js"`],
    ["identity", null, "plain", `"watch-3c4d.js"`],
  ])("for %j comes as %j", async (acceptEncoding, coding, text, etag) => {
    const response = await ask({ "accept-encoding": acceptEncoding });
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(response.headers.get("etag")).toBe(etag);
    expect(response.headers.get("content-length")).toBe(String(text.length));
    expect(await response.text()).toBe(text);
  });

  test("is 304 for who has this form of it, and sent to who has another", async () => {
    const headers = { "accept-encoding": "br", "if-none-match": `W/"other", "watch-3c4d.js-br"` };
    const response = await ask(headers);
    expect(response.status).toBe(304);
    expect(await response.text()).toBe("");
    expect(response.headers.get("etag")).toBe(`"watch-3c4d.js-br"`);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect((await ask({ ...headers, "accept-encoding": "gzip" })).status).toBe(200);
  });

  test("says the same without its bytes to HEAD", async () => {
    const response = await ask({ "accept-encoding": "br" }, "HEAD");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("5");
    expect(response.headers.get("content-encoding")).toBe("br");
    expect(await response.text()).toBe("");
  });

  test("is 406 for who takes no form of it", async () => {
    expect((await ask({ "accept-encoding": "*;q=0" })).status).toBe(406);
  });
});

test("everything else is the API's", async () => {
  const request = new Request("http://localhost:8000/user?x=1", { method: "DELETE" });
  const response = await site(request);
  expect(await response.json()).toMatchObject({ pathname: "/user", method: "DELETE" });
});

test("assetPath() names what must be built when it is not there", () => {
  expect(() => assetPath(new Map(), "watch", "js")).toThrow(/web\/build\.ts/);
});
