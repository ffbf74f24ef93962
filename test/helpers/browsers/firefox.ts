/**
 * Debian's Firefox, headless, driven over its own WebDriver BiDi.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../until.ts";
import { type AnyBrowser, type AnyPage, asExpression, type LaunchOptions } from "./any-browser.ts";
import { Bidi } from "./bidi.ts";

const START_MS = 30_000;
const WINDOW = { width: 480, height: 720 };

/** No calls home, beyond what Firefox leaves out by itself while it is driven. */
const PREFERENCES = {
  "app.normandy.enabled": false,
  "browser.region.network.url": "",
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-provider.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
};
/** What Firefox calls allowed unless it is heard, and blocked in any case. */
const AUTOPLAY = { muted: 1, blocked: 5 };

export type FirefoxPage = AnyPage & {
  readonly setOffline: (isOffline: boolean) => Promise<void>;
  /** Puts a tab in front of the page, and what takes it away again. */
  readonly hide: () => Promise<() => Promise<void>>;
};

export type Firefox = Omit<AnyBrowser, "open"> & {
  readonly open: (url: string, watch: () => void) => Promise<FirefoxPage>;
};

/** Starts one with a profile of its own. */
export async function launchFirefox(
  { isAutoplayBlocked = false }: LaunchOptions = {},
): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), "sluice-firefox-"));
  const autoplay = isAutoplayBlocked ? AUTOPLAY.blocked : AUTOPLAY.muted;
  const preferences = { ...PREFERENCES, "media.autoplay.default": autoplay };
  const lines = Object.entries(preferences).map(([name, value]) =>
    `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`
  );
  await writeFile(join(profile, "user.js"), lines.join(""));
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"];
  const child = spawn(process.env["FIREFOX_PATH"] ?? "firefox-esr", args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: profile,
      LANG: "C.UTF-8",
      MOZ_CRASHREPORTER_DISABLE: "1",
    },
  });
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const bidi = await Bidi.connect(await readAddress(child));
    return {
      name: "firefox",
      open: (url, watch) => openPage(bidi, url, watch),
      close: async () => {
        await bidi.send("browser.close", {});
        bidi.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readAddress(child: ChildProcess): Promise<string> {
  let talk = "";
  child.stderr?.on("data", (bytes) => talk += String(bytes));
  child.once("error", (error) => talk += error.message);
  try {
    return await until(() => /WebDriver BiDi listening on (ws:\S+)/.exec(talk)?.[1], START_MS);
  } catch (error) {
    throw new Error(`Firefox did not start: ${talk}`, { cause: error });
  }
}

async function openPage(bidi: Bidi, url: string, watch: () => void): Promise<FirefoxPage> {
  // A tab behind another one is out of sight.
  const { context } = await bidi.send<{ context: string }>("browsingContext.create", {
    type: "window",
  });
  await bidi.send("browsingContext.setViewport", { context, viewport: WINDOW });
  await bidi.send("script.addPreloadScript", {
    contexts: [context],
    functionDeclaration: watch.toString(),
  });
  await bidi.send("browsingContext.navigate", { context, url, wait: "interactive" });
  const evaluate: AnyPage["evaluate"] = async (run, input) => {
    const answer = await bidi.send<ScriptAnswer>("script.callFunction", {
      functionDeclaration: `(input) => ${asExpression(run)}`,
      arguments: [{ type: "string", value: JSON.stringify(input) }],
      target: { context },
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return JSON.parse(answer.result.value);
  };
  return {
    evaluate,
    setOffline: async (isOffline) => {
      const networkConditions = isOffline ? { type: "offline" } : null;
      await bidi.send("emulation.setNetworkConditions", { contexts: [context], networkConditions });
    },
    hide: async () => {
      const tab = await bidi.send<{ context: string }>("browsingContext.create", {
        type: "tab",
        referenceContext: context,
      });
      return async () => {
        await bidi.send("browsingContext.close", { context: tab.context });
        await bidi.send("browsingContext.activate", { context });
      };
    },
    click: async (selector) => click(bidi, context, await evaluate(middleOf, selector)),
    close: async () => {
      await bidi.send("browsingContext.close", { context });
    },
  };
}

type ScriptAnswer =
  | { readonly type: "success"; readonly result: { readonly value: string } }
  | { readonly type: "exception"; readonly exceptionDetails: { readonly text: string } };

type Point = { readonly x: number; readonly y: number };

/** Runs in the page; looks into its shadow trees. */
function middleOf(selector: string): Point {
  const find = (root: ParentNode): Element | null => {
    const [first] = root.querySelectorAll(selector);
    if (first !== undefined) return first;
    for (const { shadowRoot } of root.querySelectorAll("*")) {
      const found = shadowRoot === null ? null : find(shadowRoot);
      if (found !== null) return found;
    }
    return null;
  };
  const element = find(document);
  if (element === null) throw new Error(`nothing is ${selector}`);
  element.scrollIntoView({ block: "center" });
  const { left, top, width, height } = element.getBoundingClientRect();
  if (width === 0 || height === 0) throw new Error(`${selector} is not to be seen`);
  return { x: Math.round(left + width / 2), y: Math.round(top + height / 2) };
}

async function click(bidi: Bidi, context: string, at: Point): Promise<void> {
  await bidi.send("input.performActions", {
    context,
    actions: [{
      type: "pointer",
      id: "mouse",
      actions: [
        { type: "pointerMove", ...at },
        { type: "pointerDown", button: 0 },
        { type: "pointerUp", button: 0 },
      ],
    }],
  });
}
