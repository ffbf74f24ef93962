/**
 * Chromium in the shape that all browsers have.
 */
import { launchChromium } from "../chromium.ts";
import { type AnyBrowser, asExpression, type LaunchOptions } from "./any-browser.ts";

export async function launchAnyChromium(options: LaunchOptions = {}): Promise<AnyBrowser> {
  const browser = await launchChromium(options);
  return {
    name: "chromium",
    open: async (url, watch) => {
      const page = await browser.newPage({ viewport: { width: 480, height: 720 } });
      await page.addInitScript(watch);
      await page.goto(url);
      return {
        evaluate: async (run, input) =>
          JSON.parse(
            await page.evaluate(
              `((input) => ${asExpression(run)})(${JSON.stringify(JSON.stringify(input))})`,
            ),
          ),
        click: (selector) => page.locator(selector).first().click(),
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}
