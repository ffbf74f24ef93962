/**
 * What a person reads when everything runs.
 */
import type { CheckResult } from "../preflight/check.ts";
import type { Style, Terminal } from "../terminal.ts";

export type BannerFacts = {
  readonly checks: readonly CheckResult[];
  readonly ports: readonly number[];
  readonly version: string;
  readonly database: string;
  readonly queue: string;
  readonly storage: string;
  readonly startedInMs: number;
  readonly api: string;
  readonly rtmp: string;
  readonly watch: string | null;
  readonly streamKey: string | null;
};

/** The lines of UX: what was found, where everything is, which keys there are. */
export function renderBanner(facts: BannerFacts, terminal: Terminal): string {
  const { style } = terminal;
  const tick = style.good("✓");
  const ffmpeg = facts.checks.find(({ name }) => name === "ffmpeg")?.detail ?? "";
  return [
    ` ${tick} runtime bun ${facts.version}   ${tick} ffmpeg ${ffmpeg}   ${tick} ports ${
      facts.ports.join(" ")
    }`,
    ` ${tick} database ${facts.database}   ${tick} queue ${facts.queue}   ${tick} storage ${facts.storage}`,
    ...renderWarnings(facts.checks, style),
    ` Sluice is ready in ${(facts.startedInMs / 1000).toFixed(1)} s`,
    `   Console   ${facts.api}/            API docs  ${facts.api}/docs`,
    ...(facts.watch === null ? [] : [`   Watch     ${facts.watch}  test pattern`]),
    `   OBS       server ${facts.rtmp}   ${renderKey(facts.streamKey, terminal)}`,
    ...(terminal.isInteractive
      ? [
        `   keys      ${style.bold("o")} open · ${style.bold("d")} demo on/off · ${
          style.bold("l")
        } logs · ${style.bold("c")} copy key · ${style.bold("q")} quit`,
      ]
      : []),
  ].join("\n");
}

function renderWarnings(checks: readonly CheckResult[], style: Style): readonly string[] {
  return checks.filter(({ state }) => state === "warning")
    .map(({ name, detail, hint }) => ` ${style.warn("▲")} ${name} ${detail}: ${hint ?? ""}`);
}

/** Nobody but the person at the terminal sees any part of a key. */
function renderKey(streamKey: string | null, terminal: Terminal): string {
  if (streamKey === null) return "key of your channel: POST /user/channel";
  return terminal.isInteractive ? `key ${streamKey.slice(0, 7)}…` : "key of the demo: --json";
}
