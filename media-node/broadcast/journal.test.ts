import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { newId } from "#shared/ids.ts";
import { until } from "#test/helpers/until.ts";
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

test("BroadcastJournal writes the newest entry again until it is on disk", async () => {
  const said: string[] = [];
  const say = (event: string) => said.push(event);
  const log = { ...silentLogger, error: say, info: say };
  const [kept, changed, gone] = [entryOf(newId()), entryOf(newId()), entryOf(newId())];
  const deep = join(folder, "deep");
  await writeFile(deep, "no folder can be where a file is");
  const journal = new BroadcastJournal(deep, log);
  for (const entry of [kept, changed, { ...changed, controlEpoch: 2 }, gone]) journal.write(entry);
  journal.remove(gone.broadcastId);
  await journal.settled;
  expect(said).toEqual(["journal.failed"]);

  await rm(deep);
  await until(() => said.length > 1, 5000);
  expect(said).toEqual(["journal.failed", "journal.recovered"]);
  const left = await new BroadcastJournal(deep, silentLogger).readAll();
  const byEpoch = left.toSorted((one, other) => one.controlEpoch - other.controlEpoch);
  expect(byEpoch).toEqual([kept, { ...changed, controlEpoch: 2 }]);
});

test("BroadcastJournal.close() tries a last time, and never again", async () => {
  const deep = join(folder, "deep");
  await writeFile(deep, "no folder can be where a file is");
  const journal = new BroadcastJournal(deep, silentLogger);
  const entry = entryOf(newId());
  journal.write(entry);
  await journal.settled;
  await rm(deep);
  await journal.close();
  expect(await journal.readAll()).toEqual([entry]);
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
