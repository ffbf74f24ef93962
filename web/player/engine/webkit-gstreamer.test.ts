import { expect, test } from "vitest";
import { isGStreamer } from "./webkit-gstreamer.ts";

const SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";

test.each([
  [true, "WebKitGTK", `X11; Linux x86_64) ${SAFARI}`],
  [false, "Safari", `Macintosh; Intel Mac OS X 10_15_7) ${SAFARI}`],
  [false, "Safari on an iPhone", `iPhone; CPU iPhone OS 18_5 like Mac OS X) ${SAFARI}`],
  [false, "Chromium", `X11; Linux x86_64) ${SAFARI} Chrome/150.0.0.0`],
  [false, "Chromium without a head", `X11; Linux x86_64) ${SAFARI} HeadlessChrome/150.0.0.0`],
  [false, "Firefox", "X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"],
])("isGStreamer() is %s for %s", (is, _name, userAgent) => {
  expect(isGStreamer(`Mozilla/5.0 (${userAgent}`)).toBe(is);
});
