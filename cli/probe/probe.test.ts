/**
 * The probe against our own playback, and against the same behind a proxy that breaks one rule.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Served } from "#test/helpers/serve.ts";
import { type LiveSite, startLiveSite } from "#test/helpers/live-site.ts";
import { CommandError } from "../exit-codes.ts";
import { probeUrl } from "./probe.ts";

let site: LiveSite;
const served: Served[] = [];
const { signal } = new AbortController();

beforeAll(async () => {
  site = await startLiveSite();
});
afterAll(async () => {
  for (const { stop } of served) await stop();
  await site.stop();
});

type Breakage = {
  /** What the origin is asked. */
  readonly ask?: (url: URL) => URL;
  readonly text?: (text: string, url: URL) => string;
  readonly bytes?: (bytes: Uint8Array<ArrayBuffer>, url: URL) => Uint8Array<ArrayBuffer>;
  readonly status?: (status: number, url: URL) => number;
};

/** Our live URL behind a proxy that changes what passes. */
function breakIt(breakage: Breakage): string {
  const proxy = serve(async (request) => {
    const url = new URL(request.url);
    const asked = new URL(url.pathname + url.search, site.url);
    const answer = await fetch(breakage.ask?.(asked) ?? asked);
    const status = breakage.status?.(answer.status, url) ?? answer.status;
    if (url.pathname.endsWith(".m3u8")) {
      const text = await answer.text();
      return new Response(breakage.text?.(text, url) ?? text, { status });
    }
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return new Response(breakage.bytes?.(bytes, url) ?? bytes, { status });
  });
  served.push(proxy);
  return proxy.url + new URL(site.url).pathname;
}

const probe = (url: string, seconds = 2.5) => probeUrl({ url, seconds, signal });

describe("probeUrl()", () => {
  test.concurrent("finds nothing in a live broadcast, and measures it", async () => {
    const report = await probe(site.url, 5);
    expect(report.complaints).toEqual([]);
    expect(report.advice).toEqual([]);
    expect(report).toMatchObject({ isConformant: true, isLive: true, isLowLatency: true });
    expect(report.renditions.map(({ name }) => name).toSorted()).toEqual(["high", "low", "mid"]);
    for (const rendition of report.renditions) {
      expect(rendition.segments).toBeGreaterThanOrEqual(3);
      expect(rendition.measuredPeakBps).toBeGreaterThan(0);
      expect(rendition.measuredPeakBps).toBeLessThan(rendition.bandwidthBps ?? 0);
    }
    const { playlist, part } = report.latencyMs;
    expect(playlist?.count).toBeGreaterThan(10);
    expect(part?.count).toBeGreaterThan(5);
    expect(playlist?.p50).toBeLessThan(1000);
    expect(part?.p50).toBeLessThan(1000);
    expect(report.firstByteMs.segment?.count).toBeGreaterThan(5);
  });

  test.concurrent.each<[string, Breakage, string]>([
    [
      "a segment that is not its parts",
      { bytes: (bytes, url) => url.pathname.includes("/seg-") ? bytes.subarray(0, -1) : bytes },
      "has other media than its parts",
    ],
    [
      "a BANDWIDTH below what is sent",
      { text: (text) => text.replaceAll(/BANDWIDTH=\d+/g, "BANDWIDTH=1000") },
      "BANDWIDTH is 1000, the measured peak",
    ],
    [
      "blocking reloads that do not block",
      {
        ask: (url) => {
          if (!url.searchParams.has("_HLS_skip")) url.search = "";
          return url;
        },
      },
      "a blocking reload was answered without what it asked for",
    ],
    [
      "a playlist without its hint",
      { text: (text) => text.replace(/#EXT-X-PRELOAD-HINT.*\n/, "") },
      "parts without EXT-X-PRELOAD-HINT",
    ],
    [
      "reports that lag behind",
      { text: (text) => text.replaceAll(/LAST-MSN=\d+/g, "LAST-MSN=1") },
      "is reported of",
    ],
    [
      "a rendition cut elsewhere",
      { text: (text, url) => url.pathname.includes("/low/") ? shiftClock(text) : text },
      "begins with none of",
    ],
    [
      "a rendition whose media begins elsewhere",
      { bytes: (bytes, url) => url.pathname.includes("/low/init") ? slowDown(bytes) : bytes },
      "begins at",
    ],
    [
      "files that are not there",
      { status: (status, url) => url.pathname.includes("/seg-") ? 404 : status },
      "is listed, but answered 404",
    ],
    [
      "a numbering that jumps back",
      {
        text: (text, url) =>
          Number(url.searchParams.get("_HLS_part")) % 2 === 1
            ? text.replace(/SEQUENCE:(\d+)/, (_, msn: string) => `SEQUENCE:${Number(msn) - 2}`)
            : text,
      },
      "mediaSequence went back",
    ],
    [
      "delta updates of another past",
      {
        text: (text, url) =>
          url.searchParams.has("_HLS_skip")
            ? text.replace(/SKIPPED-SEGMENTS=\d+/, "SKIPPED-SEGMENTS=1")
            : text,
      },
      "the delta update makes another segment",
    ],
    [
      "refused reloads",
      { status: (status, url) => url.search === "" ? status : 503 },
      "answered 503",
    ],
  ])("complains about %s", async (_, breakage, sentence) => {
    const report = await probe(breakIt(breakage));
    expect(report.isConformant).toBe(false);
    expect(report.complaints.map(({ what }) => what).join("\n")).toContain(sentence);
  });

  test.concurrent("tells what is missing, silent or no playlist", async () => {
    const missing = await probe(`${new URL(site.url).origin}/hls-live/nothinghere0.m3u8`)
      .catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(CommandError);
    expect(missing).toMatchObject({ exit: "notFound" });

    const silent = serve(() => new Promise<Response>(() => {}));
    served.push(silent);
    await expect(probeUrl({ url: silent.url, seconds: 1, signal, deadlineMs: 200 }))
      .rejects.toMatchObject({ exit: "timedOut" });

    const page = serve(() => new Response("<html>"));
    served.push(page);
    await expect(probe(page.url)).rejects.toMatchObject({ exit: "notFound" });
    await expect(probe("http://127.0.0.1:1/x.m3u8")).rejects.toMatchObject({ exit: "timedOut" });

    const broken = serve(() => new Response("", { status: 502 }));
    served.push(broken);
    await expect(probe(broken.url)).rejects.toMatchObject({ exit: "timedOut" });
  });
});

test("probeUrl() finds nothing in a broadcast without parts, in its end and in the recording", async () => {
  const plain = await startLiveSite({ rungs: ["low", "high"], partTargetMs: null });
  try {
    const ending = probe(plain.url, 20);
    const ended = new Promise((resolve) => setTimeout(resolve, 2500)).then(plain.end);
    const live = await ending;
    await ended;
    expect(live.complaints).toEqual([]);
    expect(live).toMatchObject({ isLive: true, isLowLatency: false });
    const recorded = await probe(plain.url);
    expect(recorded.complaints).toEqual([]);
    expect(recorded.isLive).toBe(false);
    expect(recorded.renditions[0]?.segments).toBeGreaterThanOrEqual(5);
  } finally {
    await plain.stop();
  }
});

function shiftClock(text: string): string {
  return text.replaceAll(
    /(DATE-TIME:)(.*)/g,
    (_, tag: string, time: string) => tag + new Date(Date.parse(time) + 500).toISOString(),
  );
}

/** An init segment whose `mdhd` claims another timescale. */
function slowDown(init: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = init.slice();
  const at = Buffer.from(changed.buffer).indexOf("mdhd");
  const view = new DataView(changed.buffer);
  const offset = at + 4 + (changed[at + 4] === 1 ? 20 : 12);
  view.setUint32(offset, view.getUint32(offset) * 2);
  return changed;
}
