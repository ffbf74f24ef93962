/**
 * Requests at a modest rate, each on its own, and how long they took: `bun requests.program.ts <url>
 * <token> <seconds> <requests a second>`. Prints the times in ms as JSON.
 */
import { setTimeout as sleep } from "node:timers/promises";

const [url = "", token = "", seconds = "0", perSecond = "20"] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}` };
const everyMs = 1000 / Number(perSecond);
const startedMs = performance.now();
const tookMs: number[] = [];
for (let count = 0; count * everyMs < Number(seconds) * 1000; count += 1) {
  await sleep(Math.max(0, startedMs + count * everyMs - performance.now()));
  const askedMs = performance.now();
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  tookMs.push(answer.ok ? performance.now() - askedMs : Number.NaN);
}
console.log(JSON.stringify(tookMs));
