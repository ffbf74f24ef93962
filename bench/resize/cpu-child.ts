/**
 * CPU time per image of this process, for `bench/resize/main.ts`: `bun cpu-child.ts <photo>`.
 */
import { readFile } from "node:fs/promises";
import { limitMallocArenas } from "#resizer/malloc.ts";

const WARM_UP = 3;
const IMAGES = 20;

limitMallocArenas();
const { renderVariants } = await import("#resizer/resize.ts");
const { configureSharp } = await import("#resizer/sharp-settings.ts");
const { variantsOf } = await import("#resizer/variants.ts");
configureSharp();

const photo = await readFile(process.argv[2] ?? "");
const all = variantsOf("profile-picture");

async function measure(action: () => Promise<unknown>): Promise<number> {
  for (let count = 0; count < WARM_UP; count += 1) await action();
  const before = process.cpuUsage();
  for (let count = 0; count < IMAGES; count += 1) await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / IMAGES;
}

const threeSizesMs = await measure(() => renderVariants(photo, all));
const oneSmallMs = await measure(() =>
  renderVariants(photo, all.filter(({ name }) => name === "80.jpg"))
);
console.log(JSON.stringify({ threeSizesMs, oneSmallMs }));
