/** Every broadcast gets its thumbnail, on a busy machine and with an ffmpeg that fails at times. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { countPosters } from "../helpers/count-posters.ts";
import { writeFailingFfmpeg } from "../helpers/failing-ffmpeg.ts";

test("ten broadcasts beside a load of four have ten posters", async () => {
  const folder = await mkdtemp(join(tmpdir(), "posters-"));
  try {
    const { path: ffmpegPath } = await writeFailingFfmpeg(folder, 3);
    const found = await countPosters({ broadcasts: 10, atOnce: 5, load: 4, ffmpegPath });
    expect(found).toMatchObject({ broadcasts: 10, posters: 10 });
    expect(found.failedAttempts).toBeGreaterThanOrEqual(3);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);
