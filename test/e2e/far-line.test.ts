/**
 * The watch page far from the server, on a line that loses a connection now and then: the picture goes on.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLive, type LineSite, startLineSite, stoodMs } from "../helpers/line-site.ts";
import { until } from "../helpers/until.ts";

const DELAY_MS = 300;
const CUT_SHARE = 0.01;
const WATCHED_MS = 30_000;
/** A distance is found by then. */
const SETTLED_MS = 5000;

let site: LineSite;

beforeAll(async () => {
  site = await startLineSite({ ladder: "low=144@240" });
}, 120_000);

afterAll(async () => {
  await site?.stop();
}, 30_000);

test("300 ms away, with some of the requests cut, the picture never stands", async () => {
  const { line } = site;
  line.delayMs = DELAY_MS;
  const watched = await site.open();
  await until(() => isLive(watched), 20_000);
  line.cutShare = CUT_SHARE;
  const fromMs = Date.now() + SETTLED_MS;
  await until(() => Date.now() > fromMs + WATCHED_MS, SETTLED_MS + WATCHED_MS + 1000);
  expect(line.cuts).toBeGreaterThan(0);
  expect(await stoodMs(watched, fromMs)).toBe(0);
  expect(parseFloat((await watched.now()).behind)).toBeLessThan(3);
}, 90_000);
