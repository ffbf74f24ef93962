/**
 * How many short broadcasts get a thumbnail on a busy machine.
 *
 *   bun bench/posters/main.ts [broadcasts] [at once] [load]
 *
 * By default 100, ten at a time, beside four processes that take all the time they get. Exits with 1
 * when one has none.
 */
import { countPosters } from "#test/helpers/count-posters.ts";

const [broadcasts = 100, atOnce = 10, load = 4] = process.argv.slice(2).map(Number);
const startedAtMs = performance.now();
const found = await countPosters({ broadcasts, atOnce, load });
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
console.log(`posters            ${found.posters} of ${found.broadcasts} (${seconds} s)`);
console.log(`failed attempts    ${found.failedAttempts}, made up for`);
console.log(`small pictures     ${found.replaced} had to do`);
process.exitCode = found.posters === found.broadcasts ? 0 : 1;
