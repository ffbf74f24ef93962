/**
 * `sluice probe <url>`: whether an HLS stream keeps the rules, and how far behind it is.
 */
import { EXIT_CODES } from "../exit-codes.ts";
import type { Finding } from "../probe/findings.ts";
import { type ProbedRendition, type ProbeReport, probeUrl } from "../probe/probe.ts";
import type { Spread } from "../probe/spread.ts";
import type { Terminal } from "../terminal.ts";

export type ProbeCommand = {
  readonly url: string;
  readonly seconds: number;
  readonly json: boolean;
  readonly terminal: Terminal;
  /** Somebody pressed Ctrl-C. */
  readonly signal: AbortSignal;
};

/** Prints the report and gives the exit code: 0 conformant, 1 not; the rest comes as CommandError. */
export async function probeCommand(command: ProbeCommand): Promise<number> {
  const { url, seconds, signal, terminal, json } = command;
  if (!json) terminal.say(`looking at ${url} for up to ${seconds} s …`);
  const report = await probeUrl({ url, seconds, signal });
  if (json) terminal.print(report);
  else for (const line of renderReport(report, terminal)) terminal.print(line);
  return report.isConformant ? EXIT_CODES.ok : EXIT_CODES.failed;
}

function renderReport(report: ProbeReport, { style }: Terminal): string[] {
  const { isLive, isLowLatency, isConformant, complaints, advice } = report;
  const kind = isLive ? `live${isLowLatency ? ", low latency" : ""}` : "recording";
  const verdict = isConformant
    ? `${style.good("✓")} conformant`
    : `${style.bad("✗")} not conformant: ${complaints.length} kinds of breach`;
  return [
    `${verdict} · ${kind}`,
    ...report.renditions.map(renderRendition),
    ...renderSpread("behind the wall clock, playlist", report.latencyMs.playlist),
    ...renderSpread("behind the wall clock, part", report.latencyMs.part),
    ...renderSpread("first byte, playlist", report.firstByteMs.playlist),
    ...renderSpread("first byte, segment", report.firstByteMs.segment),
    ...complaints.map((finding) => renderFinding(style.bad("✗"), finding)),
    ...advice.map((finding) => renderFinding(style.warn("▲"), finding)),
  ];
}

function renderRendition(rendition: ProbedRendition): string {
  const { name, resolution, codecs, targetDurationS, partTargetS } = rendition;
  const facts = [
    resolution,
    codecs,
    `target ${targetDurationS} s`,
    partTargetS === null ? null : `parts ${partTargetS} s`,
    rendition.bandwidthBps === null ? null : `BANDWIDTH ${kbps(rendition.bandwidthBps)}`,
    `measured peak ${kbps(rendition.measuredPeakBps)}`,
    `average ${kbps(rendition.measuredAverageBps)}`,
    `${rendition.loads} loads`,
    `${rendition.segments} segments`,
  ].filter((fact) => fact !== null);
  return `  ${name}: ${facts.join(" · ")}`;
}

function kbps(bps: number): string {
  return `${Math.round(bps / 1000)} kbit/s`;
}

function renderSpread(name: string, spread: Spread | null): string[] {
  if (spread === null) return [];
  const [p50, p95, max] = [spread.p50, spread.p95, spread.max].map(renderMs);
  return [`  ${name}: p50 ${p50} · p95 ${p95} · max ${max} (${spread.count})`];
}

/** Nothing is there before its time: less than 0 is below what the clocks can tell. */
function renderMs(ms: number): string {
  return ms < 0 ? "<0 ms" : `${ms} ms`;
}

function renderFinding(mark: string, { where, what, count }: Finding): string {
  return `${mark} ${where}: ${what}${count > 1 ? ` (${count} times)` : ""}`;
}
