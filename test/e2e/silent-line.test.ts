/**
 * The watch page on a line that falls silent: packets vanish, and nobody is told.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLive, type LineSite, startLineSite } from "../helpers/line-site.ts";
import { until } from "../helpers/until.ts";
import type { WatchedPage } from "../helpers/watched-page.ts";

let site: LineSite;
let watched: WatchedPage;

beforeAll(async () => {
  site = await startLineSite();
  watched = await site.open();
  await until(() => isLive(watched), 20_000);
}, 120_000);

afterAll(async () => {
  await site?.stop();
}, 30_000);

test("a line that falls silent is said to be in about three seconds, until it speaks", async () => {
  const { line } = site;
  const silentAtMs = Date.now();
  line.isSilent = true;
  await until(async () => /connection/.test((await watched.now()).words ?? ""), 10_000);
  const moments = await watched.moments();
  const said = moments.find(({ atMs, words }) => atMs > silentAtMs && words !== null);
  expect((said?.atMs ?? Infinity) - silentAtMs).toBeLessThan(3200);
  line.isSilent = false;
  await until(() => isLive(watched), 10_000);
}, 60_000);
