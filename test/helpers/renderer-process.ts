/**
 * The process in which Chromium runs a page.
 */
import type { Browser } from "playwright-core";

/** Process ids of all pages that are open, oldest first. */
export async function rendererPids(browser: Browser): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id)
    .toSorted((one, other) => one - other);
}
