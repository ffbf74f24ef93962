/**
 * `<sluice-player>` in pages with ways of their own: their style sheets, frameworks, policies and shadow
 * trees, and viewers who lean on a key.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SluicePlayer } from "#web/player/element/sluice-player.ts";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import {
  factsOf,
  type ForeignSite,
  playerTag,
  serveForeignSite,
  untilMoving,
  untilState,
} from "../helpers/foreign-page.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const START_MS = 20_000;

let sluice: RunningSluice;
let browser: Browser;
let site: ForeignSite;
let publisher: Publish;
let src: string;

beforeAll(async () => {
  const env = { LADDER: "low=90@150,mid=180@400" };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  site = serveForeignSite(sluice.ready);
  const user = await createUser(sluice.ready.api, "guest");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  const video = await user.call<{ playbackUrl: string }>("POST", "/user/channel/videos", {
    title: "Guest",
  });
  src = video.body.playbackUrl;
  publisher = startPublish(`${sluice.ready.rtmp}/${streamKey}`, { size: "320x180", fps: 30 });
  await until(async () => (await fetch(`${src}?wait=YES`)).ok, START_MS);
}, 90_000);

afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  await site?.stop();
  await sluice?.stop();
}, 30_000);

const openPlayer = () => site.open(browser, playerTag(`src="${src}" autoplay muted`));

describe("in a page with ways of its own", () => {
  test("the picture is seen whole, whatever the page makes of videos", async () => {
    const { page } = await site.open(
      browser,
      `<link rel="stylesheet" href="/reset.css">
      <div class="square">${playerTag(`src="${src}" autoplay muted`)}</div>`,
    );
    await untilMoving(page);
    const sizes = await page.evaluate(() => {
      const player = document.querySelector<SluicePlayer>("sluice-player");
      const sizeOf = (element?: Element | null) => {
        const { width = 0, height = 0 } = element?.getBoundingClientRect() ?? {};
        return { width, height };
      };
      return { player: sizeOf(player), video: sizeOf(player?.video) };
    });
    expect(sizes.player).toEqual({ width: 500, height: 500 });
    expect(sizes.video).toEqual(sizes.player);
    await page.context().close();
  }, 60_000);

  test("the page's own tree stays as it was", async () => {
    const { page } = await openPlayer();
    await untilMoving(page);
    const html = await page.evaluate(() => document.querySelector("sluice-player")?.outerHTML);
    expect(html).toBe(
      playerTag(`src="${src}" autoplay="" muted=""`).replace("controls", `controls=""`),
    );
    await page.context().close();
  }, 60_000);

  test(
    "properties are as good as attributes, before the element is defined and after",
    async () => {
      const { page, requests } = await site.open(
        browser,
        `<sluice-player controls></sluice-player>`,
        {
          before: () => {
            document.addEventListener("DOMContentLoaded", () => {
              const early = document.querySelector("sluice-player");
              Object.assign(early ?? {}, { autoplay: false, muted: true, start: 4 });
            });
          },
        },
      );
      await until(
        () => page.evaluate(() => customElements.get("sluice-player") !== undefined),
        5000,
      );
      expect(await page.evaluate(() => document.querySelector("sluice-player")?.outerHTML))
        .toBe(`<sluice-player controls="" muted="" start="4"></sluice-player>`);
      expect(requests.filter((url) => url.includes("/hls-live/"))).toEqual([]);
      await page.evaluate((url) => {
        const player = document.querySelector<SluicePlayer>("sluice-player");
        if (player !== null) Object.assign(player, { autoplay: true, src: url });
      }, src);
      await untilMoving(page);
      await page.context().close();
    },
    60_000,
  );

  test("it plays where no markup is allowed without a policy", async () => {
    const { page } = await site.open(
      browser,
      `<meta http-equiv="Content-Security-Policy" content="require-trusted-types-for 'script'">
      ${playerTag(`src="${src}" autoplay muted`)}`,
    );
    await untilMoving(page);
    await page.context().close();
  }, 60_000);

  test("full screen is entered and left inside of somebody's closed shadow tree", async () => {
    const { page } = await site.open(browser, `<div id="host"></div>`);
    await page.evaluate((url) => {
      const root = document.querySelector("#host")?.attachShadow({ mode: "closed" });
      const player = document.createElement("sluice-player");
      Object.assign(player, { src: url, autoplay: true, muted: true, controls: true });
      root?.append(player);
      Object.assign(window, { player });
    }, src);
    const isFull = () =>
      page.evaluate(() => (window as unknown as { player: Element }).player.matches(":fullscreen"));
    const press = () =>
      page.evaluate(() => {
        const { player } = window as unknown as { player: SluicePlayer };
        player.press(new KeyboardEvent("keydown", { key: "f" }));
      });
    await until(async () => {
      await press();
      return await isFull();
    }, START_MS);
    await press();
    await until(async () => !await isFull(), 5000);
    await page.context().close();
  }, 60_000);
});

test("a key that is held does once what it does, and sound that comes back is heard", async () => {
  const { page } = await openPlayer();
  await untilMoving(page);
  await page.locator("media-control-bar media-play-button").waitFor({ timeout: 10_000 });
  const press = (key: string, repeat: boolean) =>
    page.evaluate(([key, repeat]) => {
      const player = document.querySelector<SluicePlayer>("sluice-player");
      player?.press(new KeyboardEvent("keydown", { key, repeat }));
      return { isMuted: player?.video?.muted, volume: player?.video?.volume };
    }, [key, repeat] as const);
  expect(await press("m", false)).toMatchObject({ isMuted: false });
  for (let count = 0; count < 5; count += 1) {
    expect(await press("m", true)).toMatchObject({ isMuted: false });
  }
  for (let count = 0; count < 25; count += 1) await press("ArrowDown", true);
  expect((await press("ArrowDown", true)).volume).toBe(0);
  const heard = await press("m", false);
  expect(heard.isMuted).toBe(false);
  expect(heard.volume).toBeGreaterThan(0);
  await page.context().close();
}, 60_000);

test("an address may have a query, waiting and in real time as well", async () => {
  const asked = src.replace(".m3u8", ".m3u8?from=test#top");
  const { page } = await site.open(
    browser,
    playerTag(`src="${asked}" autoplay muted latency="real-time"`),
  );
  await untilMoving(page);
  await untilState(page, "live");
  await page.context().close();
}, 60_000);

test.each(["data:text/plain,x", "blob:x", "javascript:1"])(
  "%s is no address to play",
  async (url) => {
    const { page, problems } = await site.open(browser, playerTag(`src="${url}" autoplay muted`));
    await untilState(page, "failed");
    expect(problems).toEqual([]);
    await page.context().close();
  },
  60_000,
);

test("what a page brings along may be useless, or go away", async () => {
  const { page, problems } = await site.open(
    browser,
    `<sluice-player src="${src}" autoplay muted controls>
      <video slot="media"></video><div slot="notice">No words</div>
    </sluice-player>`,
  );
  await untilMoving(page);
  await page.evaluate(() => document.querySelector("sluice-player")?.replaceChildren());
  await until(async () => {
    const isThere = await page.evaluate(() =>
      document.querySelector<SluicePlayer>("sluice-player")?.video?.isConnected
    );
    return isThere === true && (await factsOf(page)).state === "live";
  }, START_MS);
  await untilMoving(page);
  expect(problems).toEqual([]);
  await page.context().close();
}, 60_000);

test("players that wait leave the line to the one that plays", async () => {
  const waiting = playerTag(`src="${src.replace(/\w+(?=\.m3u8)/, "notyetlive12")}" autoplay muted`);
  const { page } = await site.open(
    browser,
    playerTag(`src="${src}" autoplay muted`) + waiting.repeat(7),
  );
  await untilState(page, "live");
  await untilState(page, "waiting", 7);
  const states = new Set<string | null>();
  const endMs = Date.now() + 6000;
  await until(async () => {
    states.add((await factsOf(page)).state);
    return Date.now() > endMs;
  }, 10_000);
  expect([...states]).toEqual(["live"]);
  await page.context().close();
}, 60_000);

test("who was away for a whole broadcast finds its recording", async () => {
  const user = await createUser(sluice.ready.api, "missed");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  const { body } = await user.call<{ playbackUrl: string }>("POST", "/user/channel/videos", {
    title: "Missed",
  });
  const { page } = await site.open(
    browser,
    playerTag(`src="${body.playbackUrl}" autoplay muted`),
  );
  await untilState(page, "waiting");
  await page.context().setOffline(true);
  const missed = startPublish(`${sluice.ready.rtmp}/${streamKey}`, { size: "320x180", fps: 30 });
  await until(async () => (await fetch(`${body.playbackUrl}?wait=YES`)).ok, START_MS);
  const enoughMs = Date.now() + 5000;
  await until(() => Date.now() > enoughMs, 10_000);
  await missed.stop();
  const isOver = async () => {
    const text = await (await fetch(body.playbackUrl)).text();
    const [, uri] = /^([^#\s].*)$/m.exec(text) ?? [];
    if (uri === undefined) return false;
    const playlist = await fetch(new URL(uri, body.playbackUrl));
    return (await playlist.text()).includes("#EXT-X-ENDLIST");
  };
  await until(isOver, START_MS);
  await page.context().setOffline(false);
  await untilState(page, "recording");
  await untilMoving(page);
  await page.context().close();
}, 90_000);
