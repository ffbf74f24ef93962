/**
 * Looks at a stream from the outside: loads what its playlists name, follows them while they are
 * live, and says what breaks the rules, how late it is and what it costs.
 */
import { averageBitrateBps, checkEqualStarts, peakBitrateBps } from "#shared/hls/check-bytes.ts";
import { type CheckedVariant, readMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkRenditions, checkReport } from "#shared/hls/check-renditions.ts";
import { isMultivariant } from "#shared/hls/parse-playlist.ts";
import { CommandError } from "../exit-codes.ts";
import { type Finding, Findings } from "./findings.ts";
import { createProbeHttp, type Fetched, type ProbeHttp } from "./probe-http.ts";
import { RenditionProbe } from "./rendition-probe.ts";
import { type Spread, spreadOf } from "./spread.ts";

export type ProbeOptions = {
  readonly url: string;
  /** How long a live playlist is followed, and a recording read at most. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** How long an answer may take. Default 10 s. */
  readonly deadlineMs?: number;
};

export type ProbedRendition = {
  readonly name: string;
  readonly url: string;
  readonly bandwidthBps: number | null;
  readonly averageBandwidthBps: number | null;
  readonly codecs: string | null;
  readonly resolution: string | null;
  readonly targetDurationS: number | null;
  readonly partTargetS: number | null;
  readonly loads: number;
  readonly segments: number;
  readonly measuredPeakBps: number;
  readonly measuredAverageBps: number;
};

export type ProbeReport = {
  readonly url: string;
  readonly isConformant: boolean;
  readonly isLive: boolean;
  readonly isLowLatency: boolean;
  readonly complaints: readonly Finding[];
  readonly advice: readonly Finding[];
  readonly renditions: readonly ProbedRendition[];
  readonly latencyMs: { readonly playlist: Spread | null; readonly part: Spread | null };
  readonly firstByteMs: { readonly playlist: Spread | null; readonly segment: Spread | null };
};

const DEADLINE_MS = 10_000;
/** Renditions that are followed: the best ones of a longer ladder say enough. */
const MAX_RENDITIONS = 4;

const NOT_THERE =
  "check the address; nothing is there before the first segment of the broadcast, " +
  "and after its end only what was recorded";

type Target = Partial<CheckedVariant> & { readonly name: string; readonly url: string };

/** @throws CommandError `notFound`, `auth` or `timedOut` when there is nothing to look at */
export async function probeUrl(options: ProbeOptions): Promise<ProbeReport> {
  const { url, seconds, signal, deadlineMs = DEADLINE_MS } = options;
  const http = createProbeHttp(deadlineMs, signal);
  const first = expectFound(await http.get(url));
  const [complaints, advice] = [new Findings(), new Findings()];
  const targets = targetsOf(first, complaints, advice);
  const probes = targets.map((target, index) =>
    createProbe(target, index, { http, complaints, advice })
  );
  for (const probe of probes) await probe.load();
  const isLive = probes.some(({ playlist }) => playlist !== null && !playlist.isEnded);
  const untilMs = Date.now() + seconds * 1000;
  await Promise.all(
    probes.map((probe) => isLive ? probe.follow(untilMs, signal) : probe.readAll(untilMs, signal)),
  );
  if (signal.aborted) throw new CommandError("interrupted", "interrupted");
  judge(probes, complaints);
  return report({ url, isLive, targets, probes, complaints, advice, first });
}

function expectFound(fetched: Fetched): Fetched {
  const { status, url } = fetched;
  if (status === 200) return fetched;
  const answer = `${url} answered ${status}`;
  if (status === 401 || status === 403) throw new CommandError("auth", answer);
  if (status >= 500) throw new CommandError("timedOut", answer, "look into the server's log");
  throw new CommandError("notFound", answer, NOT_THERE);
}

function targetsOf(first: Fetched, complaints: Findings, advice: Findings): Target[] {
  const text = new TextDecoder().decode(first.bytes);
  if (!text.trimStart().startsWith("#EXTM3U")) {
    const what = `${first.url} is not a playlist: it begins without #EXTM3U`;
    throw new CommandError("notFound", what, "give the address that players open, ….m3u8");
  }
  if (!isMultivariant(text)) return [{ name: "media", url: first.url }];
  const read = readMultivariant(text);
  complaints.add("multivariant", read.complaints);
  advice.add("multivariant", read.advice);
  const variants = read.variants
    .toSorted((one, other) => other.bandwidthBps - one.bandwidthBps)
    .slice(0, MAX_RENDITIONS);
  return variants.map((variant) => ({
    ...variant,
    name: nameOf(variant.uri),
    url: new URL(variant.uri, first.url).href,
  }));
}

/** What tells a rendition's URI from its siblings': the folder, or the file. */
function nameOf(uri: string): string {
  const parts = uri.split("?")[0]?.split("/") ?? [];
  return parts.at(-2) ?? parts.at(-1) ?? uri;
}

type Tools = {
  readonly http: ProbeHttp;
  readonly complaints: Findings;
  readonly advice: Findings;
};

function createProbe(target: Target, index: number, tools: Tools): RenditionProbe {
  const { name, url, bandwidthBps = null } = target;
  return new RenditionProbe({ name, url, bandwidthBps, isLead: index === 0, ...tools });
}

/** What only shows when everything is there. */
function judge(probes: readonly RenditionProbe[], complaints: Findings): void {
  for (const { options, media, playlist } of probes) {
    const { name, bandwidthBps } = options;
    complaints.add(name, media.check(bandwidthBps, playlist?.targetDurationS ?? 0));
  }
  const loaded = probes.flatMap(({ options, playlist }) =>
    playlist === null ? [] : [{ name: options.name, playlist }]
  );
  complaints.add("renditions", checkRenditions(loaded));
  complaints.add("renditions", checkStartsAcross(probes));
  for (const probe of probes) {
    for (const other of probes) {
      if (other !== probe) complaints.add(probe.options.name, checkReportsOf(probe, other));
    }
  }
}

/** Segments of one wall clock begin at one time of the media in every rendition. */
function checkStartsAcross(probes: readonly RenditionProbe[]): string[] {
  const starts = new Map<number, number[]>();
  for (const { media } of probes) {
    for (const { wallClockMs, startS } of media.segments) {
      if (wallClockMs === null || startS === null) continue;
      starts.set(wallClockMs, [...starts.get(wallClockMs) ?? [], startS]);
    }
  }
  return [...starts].flatMap(([wallClockMs, startsS]) =>
    checkEqualStarts(`the segment of ${new Date(wallClockMs).toISOString()}`, startsS)
  );
}

/** Each report of `probe` about `other` against loads of `other` that surround it. */
function checkReportsOf(probe: RenditionProbe, other: RenditionProbe): string[] {
  return probe.loads.flatMap((load) => {
    const before = other.loads.findLast(({ arrivedAtMs }) => arrivedAtMs < load.requestedAtMs);
    const after = other.loads.find(({ requestedAtMs }) => requestedAtMs > load.arrivedAtMs);
    if (before === undefined || after === undefined) return [];
    const bounds = { url: other.options.url, before: before.playlist, after: after.playlist };
    return checkReport(load.playlist, bounds, probe.options.url);
  });
}

type Outcome = {
  readonly url: string;
  readonly isLive: boolean;
  readonly first: Fetched;
  readonly targets: readonly Target[];
  readonly probes: readonly RenditionProbe[];
  readonly complaints: Findings;
  readonly advice: Findings;
};

function report(outcome: Outcome): ProbeReport {
  const { url, isLive, first, targets, probes, complaints, advice } = outcome;
  const all = (pick: (probe: RenditionProbe) => readonly number[]) =>
    spreadOf(probes.flatMap(pick));
  return {
    url,
    isConformant: complaints.list.length === 0,
    isLive,
    isLowLatency: probes.some(({ playlist }) => (playlist?.partTargetS ?? null) !== null),
    complaints: complaints.list,
    advice: advice.list,
    renditions: probes.map((probe, index) => describeRendition(probe, targets[index])),
    latencyMs: {
      playlist: all(({ playlistLatencyMs }) => playlistLatencyMs),
      part: all(({ partLatencyMs }) => partLatencyMs),
    },
    firstByteMs: {
      playlist: spreadOf([first.firstByteMs, ...probes.flatMap(({ firstByteMs }) => firstByteMs)]),
      segment: all(({ media }) => media.firstByteMs),
    },
  };
}

function describeRendition(probe: RenditionProbe, target: Target | undefined): ProbedRendition {
  const { options, media, playlist, loads } = probe;
  const { name, url, bandwidthBps } = options;
  return {
    name,
    url,
    bandwidthBps,
    averageBandwidthBps: target?.averageBandwidthBps ?? null,
    codecs: target?.codecs ?? null,
    resolution: target?.resolution ?? null,
    targetDurationS: playlist?.targetDurationS ?? null,
    partTargetS: playlist?.partTargetS ?? null,
    loads: loads.length,
    segments: media.segments.length,
    measuredPeakBps: Math.round(peakBitrateBps(media.segments, playlist?.targetDurationS ?? 0)),
    measuredAverageBps: Math.round(averageBitrateBps(media.segments)),
  };
}
