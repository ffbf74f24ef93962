import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { newId } from "#shared/ids.ts";
import { BroadcastJournal, type JournalEntry } from "./journal.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "journal-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function entryOf(broadcastId: string): JournalEntry {
  const startedAt = "2026-01-02T03:04:05.000Z";
  return { version: 1, broadcastId, epoch: 1, videoUrl: "abc123", startedAt, ended: null };
}

test("BroadcastJournal gives back what was written and not removed", async () => {
  const journal = new BroadcastJournal(join(folder, "deep"), silentLogger);
  const [kept, gone] = [entryOf(newId()), entryOf(newId())];
  journal.write(kept);
  journal.write(gone);
  journal.remove(gone.broadcastId);
  await journal.settled;
  expect(await new BroadcastJournal(join(folder, "deep"), silentLogger).readAll()).toEqual([kept]);
});

test("BroadcastJournal drops files it cannot read", async () => {
  await writeFile(join(folder, "half.json"), '{"version":1,"broad');
  expect(await new BroadcastJournal(folder, silentLogger).readAll()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});
