/**
 * Publishes mixes of habits and prints which of them spoil something:
 * `bun test/fuzz/habits.program.ts --seed 1 --count 300 --parallel 4`, and one of them again alone:
 * `bun test/fuzz/habits.program.ts --only 17`.
 */
import { parseArgs } from "node:util";
import { type MixResult, runMixes } from "./run-mixes.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "100" },
    parallel: { type: "string", default: "4" },
    only: { type: "string" },
  },
});

function seedsOf(): number[] {
  if (values.only !== undefined) return values.only.split(",").map(Number);
  return Array.from({ length: Number(values.count) }, (_, index) => Number(values.seed) + index);
}

function print({ seed, names, said, faults }: MixResult): void {
  console.log(`${faults.length === 0 ? "✓" : "✗"} ${seed}: ${names.join(", ")}`);
  for (const words of said) console.log(`    says ${words}`);
  for (const fault of faults) console.log(`    ${fault}`);
}

const results = await runMixes({
  seeds: seedsOf(),
  parallel: Number(values.parallel),
  onResult: print,
});
const failed = results.filter(({ faults }) => faults.length > 0);
console.log(`${results.length - failed.length} good, ${failed.length} spoilt`);
if (failed.length > 0) console.log(`--only ${failed.map(({ seed }) => seed).join(",")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
