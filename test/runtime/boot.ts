/**
 * What the API must do as a process, whatever the runtime.
 */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPages } from "#cli/dev/pages.ts";
import { callApi } from "../helpers/api-client.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { type ApiProcess, runApi, startApi } from "./api-process.ts";

/** The boot tests for the runtime that `argv` starts. */
export function describeBoot(runtime: string, argv: readonly string[]): void {
  describe(`the API on ${runtime}`, () => {
    let database: TestDatabase;
    let api: ApiProcess;
    beforeAll(async () => {
      await buildPages();
      database = await createTestDatabase();
      api = await startApi(argv, { DATABASE_URL: database.url });
    });
    afterAll(async () => {
      await api.stop();
      await database.close();
    });

    test("is ready, and walks the first steps of the journey", async () => {
      expect(await callApi(api.url, "GET", "/readyz")).toMatchObject({
        status: 200,
        body: { status: "ok", parts: { database: "up", storage: "up", queue: "external" } },
      });
      const body = { username: "booted", password: "booted-password" };
      expect((await callApi(api.url, "POST", "/auth/signup", { body })).status).toBe(201);
      const login = await callApi<{ accessToken: string }>(api.url, "POST", "/auth/login", {
        body,
      });
      const token = login.body.accessToken;
      const channel = await callApi<{ streamKey: string }>(api.url, "POST", "/user/channel", {
        token,
      });
      expect(channel.status).toBe(201);
      const title = { title: "From a process" };
      const path = "/user/channel/videos";
      expect((await callApi(api.url, "POST", path, { token, body: title })).status).toBe(201);
      expect(api.stderr()).not.toContain(channel.body.streamKey);
    });

    test("knows where a caller comes from", async () => {
      const body = { username: "guesser", password: "wrong password" };
      const statuses: number[] = [];
      for (let count = 0; count < 11; count += 1) {
        statuses.push((await callApi(api.url, "POST", "/auth/login", { body })).status);
      }
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    });

    test("serves the reference page with assets of its own", async () => {
      const page = await (await fetch(`${api.url}/docs`)).text();
      const assets = Array.from(page.matchAll(/(?:src|href)="([^"]+)"/g), ([, path]) => path ?? "");
      expect(assets.length).toBeGreaterThanOrEqual(3);
      for (const path of assets) {
        expect(path).toMatch(/^\/docs\//);
        const asset = await fetch(new URL(path, api.url));
        expect(asset.status).toBe(200);
        expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(50);
      }
    });

    test("sends the scripts of its pages in the form the reader takes", async () => {
      const page = await (await fetch(`${api.url}/watch/nosuchvideo1`)).text();
      const asset = `${api.url}${/\/assets\/site-[0-9a-z]+\.css/.exec(page)?.[0]}`;
      const bytes: ArrayBuffer[] = [];
      for (const [acceptEncoding, coding] of [["br", "br"], ["gzip", "gzip"], ["br;q=0", null]]) {
        const headers = { "accept-encoding": acceptEncoding ?? "" };
        const reply = await fetch(asset, { headers });
        bytes.push(await reply.arrayBuffer());
        expect(reply.headers.get("content-encoding")).toBe(coding);
        const etag = reply.headers.get("etag") ?? "";
        const again = await fetch(asset, { headers: { ...headers, "if-none-match": etag } });
        expect(again.status).toBe(304);
        const head = await fetch(asset, { method: "HEAD", headers });
        expect(head.headers.get("etag")).toBe(etag);
        expect(Number(head.headers.get("content-length"))).toBeGreaterThan(100);
      }
      expect(bytes[1]).toEqual(bytes[0]);
      expect(bytes[2]).toEqual(bytes[0]);
    });

    test("refuses 13 MB without reading them into memory", async () => {
      const reply = await fetch(`${api.url}/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: new Uint8Array(13_000_000),
      });
      expect(reply.status).toBe(413);
      await reply.body?.cancel();
    });

    test("drains on SIGTERM and exits 0", async () => {
      const other = await startApi(argv, { DATABASE_URL: database.url });
      expect((await fetch(`${other.url}/livez`)).status).toBe(200);
      expect(await other.stop()).toBe(0);
      expect(other.stderr()).toContain("process.draining");
      await expect(fetch(`${other.url}/livez`)).rejects.toThrow();
    });

    test("names every bad setting at once and exits 2", async () => {
      const exited = await runApi(argv, {
        SLUICE_SECRET: "",
        API_PORT: "99999",
        LOG_LEVEL: "loud",
      });
      expect(exited.code).toBe(2);
      for (const name of ["SLUICE_SECRET", "API_PORT", "LOG_LEVEL"]) {
        expect(exited.stderr).toContain(name);
      }
      expect(exited.stderr).not.toMatch(/\n\s+at /);
      expect((await runApi([...argv, "--unheard-of"], {})).code).toBe(2);
    });

    test("says that its port is taken and exits 1", async () => {
      const taken = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => taken.once("listening", resolve));
      const address = taken.address();
      const port = typeof address === "object" && address !== null ? String(address.port) : "";
      const exited = await runApi(argv, { DATABASE_URL: database.url, API_PORT: port });
      taken.close();
      expect(exited.code).toBe(1);
      expect(exited.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
      expect(exited.stderr).not.toMatch(/\n\s+at /);
    });
  });
}
