/**
 * The reference page in a real browser, under its own Content-Security-Policy.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, type TestApp } from "../../helpers/app.ts";
import { launchChromium } from "../../helpers/chromium.ts";

let app: TestApp;
let browser: Browser;
let server: Bun.Server<undefined>;
beforeAll(async () => {
  app = await createTestApp();
  browser = await launchChromium();
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url);
      return app.request(`${pathname}${search}`, { method: request.method });
    },
  });
});
afterAll(async () => {
  await browser.close();
  await server.stop(true);
  await app.close();
});

test("/docs shows every operation and asks nobody but us", async () => {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) hosts.add(new URL(request.url()).host);
  });
  await page.goto(new URL("/docs", server.url).href);
  await page.waitForSelector("text=Create your channel and its stream key", { timeout: 15_000 });
  expect(await page.title()).toBe("Sluice API");
  expect(await page.locator(".opblock").count()).toBeGreaterThan(30);
  expect(complaints).toEqual([]);
  expect([...hosts]).toEqual([server.url.host]);
  await page.close();
}, 40_000);
