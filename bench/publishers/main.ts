#!/usr/bin/env bun
/**
 * What OBS Studio does with the whole product, beyond what the gate has time for: keyframe intervals
 * and ladders, a wrong key, stop and start again, and everything killed and started anew below it.
 *
 *   bun bench/publishers/main.ts [PATTERN…] [--seconds=20] [--json]
 *
 * Only cases whose name contains a pattern run. Needs obs-studio and xvfb. Exit code 1 when a case is not as it should be.
 */
import { parseArgs } from "node:util";
import { CASES } from "./cases.ts";
import { openSite } from "./site.ts";

type Row = { readonly name: string; readonly isGood: boolean; readonly facts: string };

async function measure(patterns: readonly string[], seconds: number): Promise<Row[]> {
  const rows: Row[] = [];
  const wanted = ({ name }: { name: string }) =>
    patterns.length === 0 || patterns.some((pattern) => name.includes(pattern));
  const site = await openSite();
  try {
    for (const { name, run } of CASES.filter(wanted)) {
      console.error(`  ${name} …`);
      try {
        rows.push({ name, isGood: true, facts: await run(site, seconds) });
      } catch (error) {
        rows.push({
          name,
          isGood: false,
          facts: error instanceof Error ? error.message : String(error),
        });
      }
    }
  } finally {
    await site.close();
  }
  return rows;
}

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, isGood, facts } of rows) {
    console.log(`${isGood ? "✓" : "✗"} ${name.padEnd(width)}  ${facts}`);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const rows = await measure(positionals, Number(values.seconds));
  if (values.json) console.log(JSON.stringify(rows));
  else print(rows);
  return rows.length > 0 && rows.every(({ isGood }) => isGood) ? 0 : 1;
}

process.exit(await main());
