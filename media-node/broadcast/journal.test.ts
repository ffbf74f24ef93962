import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { newId } from "#shared/ids.ts";
import { BroadcastJournal } from "./journal.ts";
import type { JournalEntry } from "./journal-entry.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "journal-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function entryOf(broadcastId: string): JournalEntry {
  const startedAt = "2026-01-02T03:04:05.000Z";
  const epochs = { epoch: 1, controlEpoch: 1 };
  const rest = { videoUrl: "abc123", startedAt, ended: null, running: null };
  return { version: 2, broadcastId, ...epochs, ...rest };
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

test("BroadcastJournal leaves what it cannot read, and says so", async () => {
  const left = { "half.json": '{"version":1,"broad', "later.json": '{"version":3}' };
  for (const [name, text] of Object.entries(left)) await writeFile(join(folder, name), text);
  const said: string[] = [];
  const log = { ...silentLogger, warn: (event: string) => said.push(event) };
  expect(await new BroadcastJournal(folder, log).readAll()).toEqual([]);
  expect(await readdir(folder)).toEqual(Object.keys(left));
  expect(said).toEqual(["journal.unreadable", "journal.unreadable"]);
});

test("BroadcastJournal removes what it had not finished writing", async () => {
  await writeFile(join(folder, "half.json.new"), '{"version":2,"broad');
  expect(await new BroadcastJournal(folder, silentLogger).readAll()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});
