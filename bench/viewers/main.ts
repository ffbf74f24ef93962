#!/usr/bin/env bun
/**
 * Viewers of one broadcast on one core.
 *
 *   bun bench/viewers/main.ts [--viewers=3000] [--seconds=10] [--repeats=3] [--json]
 *     [--only=viewers|readers|idle|files] [--readers=1000] [--against=<checkout>]
 *
 * First blocking viewers, then such as read parts (beside the server of another checkout, when one is
 * named), then one who reads beside 500 who do not, then complete segments beside nginx. The server has one core, the load the other (where there is `taskset`). Exit code 1 when a
 * goal is missed.
 */
import { parseArgs } from "node:util";
import { type Comparison, measureFiles } from "./measure-files.ts";
import { measureIdle } from "./measure-idle.ts";
import { measureReaders, type Readers } from "./measure-readers.ts";
import { measureViewers } from "./measure-viewers.ts";

const GOALS = { p99Ms: 100, idleRatio: 2, segmentRatio: 0.8, readerRatio: 0.75 };
const IDLE_VIEWERS = 500;

type Viewers = Awaited<ReturnType<typeof measureViewers>>;

function describeViewers(viewers: Viewers): string {
  const { p50Ms, p99Ms, maxMs, cpuShare, answersPerSecond, failures, memoryMiB } = viewers;
  return `${viewers.viewers} blocking viewers: playlist p50 ${p50Ms} ms, ` +
    `p99 ${p99Ms} ms (goal ${GOALS.p99Ms}), max ${maxMs} ms after the part exists; ` +
    `${answersPerSecond} answers/s, ${failures} failed, ` +
    `${(cpuShare * 100).toFixed(0)} % of a core, ${memoryMiB} MiB`;
}

function describeFile({ ours, nginx, ratio }: Comparison): string {
  return `${ours.perSecond}/s (${ours.cpuUs} µs CPU each), ` +
    `nginx ${nginx.perSecond}/s (${nginx.cpuUs} µs), ratio ${ratio}`;
}

type Verdict = { readonly isGood: boolean; readonly text: string };

function judgeViewers(viewers: Viewers): Verdict {
  const isGood = viewers.p99Ms <= GOALS.p99Ms && viewers.failures === 0;
  return { isGood, text: describeViewers(viewers) };
}

function judgeReaders(readers: Readers): Verdict {
  const { habit, viewerMs, requestsPerSecond, failures, otherMs, ratio } = readers;
  const beside = ratio === null
    ? ""
    : `, ${otherMs} ms there: ratio ${ratio} (goal ${GOALS.readerRatio})`;
  const text = `who reads ${habit} parts of the low rung: ${viewerMs} ms CPU a second, ` +
    `${Math.round(1000 / viewerMs)} a core${beside}; ${requestsPerSecond} answers/s, ` +
    `${failures} failed`;
  return { isGood: failures === 0 && (ratio ?? 0) <= GOALS.readerRatio, text };
}

type Idle = Awaited<ReturnType<typeof measureIdle>>;

function judgeIdle({ idle, aloneMs, besideMs, ratio }: Idle): Verdict {
  const text = `beside ${idle} who do not read: segment p99 ${besideMs} ms, alone ${aloneMs} ms, ` +
    `ratio ${ratio} (goal below ${GOALS.idleRatio})`;
  return { isGood: ratio < GOALS.idleRatio, text };
}

function judgeSegment(segment: Comparison): Verdict {
  const isGood = segment.ratio >= GOALS.segmentRatio;
  return { isGood, text: `segment: ${describeFile(segment)} (goal ${GOALS.segmentRatio})` };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      viewers: { type: "string", default: "3000" },
      seconds: { type: "string", default: "10" },
      repeats: { type: "string", default: "3" },
      readers: { type: "string", default: "1000" },
      against: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const isAsked = (part: string) => values.only === undefined || values.only === part;
  const repeats = Number(values.repeats);
  const viewers = isAsked("viewers")
    ? await measureViewers(Number(values.viewers), Number(values.seconds))
    : null;
  const readers = isAsked("readers")
    ? await measureReaders({
      viewers: Number(values.readers),
      seconds: Number(values.seconds),
      repeats,
      against: values.against ?? null,
    })
    : [];
  const idle = isAsked("idle") ? await measureIdle(IDLE_VIEWERS, repeats) : null;
  const files = isAsked("files") ? await measureFiles(repeats) : null;
  const verdicts = [
    ...(viewers === null ? [] : [judgeViewers(viewers)]),
    ...readers.map(judgeReaders),
    ...(idle === null ? [] : [judgeIdle(idle)]),
    ...(files === null ? [] : [judgeSegment(files.segment)]),
  ];
  if (values.json) console.log(JSON.stringify({ goals: GOALS, viewers, readers, idle, ...files }));
  else {
    for (const { isGood, text } of verdicts) console.log(`${isGood ? "✓" : "✗"} ${text}`);
    if (files !== null) console.log(`· playlist: ${describeFile(files.playlist)}`);
  }
  return verdicts.every(({ isGood }) => isGood) ? 0 : 1;
}

process.exit(await main());
