/**
 * Reads an entry of the journal, whichever version of this program wrote it. Pure.
 */
import * as z from "zod";
import {
  endSchema,
  entrySchema,
  type JournalEnd,
  type JournalEntry,
  playlistsSchema,
  runningSchema,
  sourceSchema,
} from "./journal-entry.ts";

/** As far as version 2 has a use for it. */
const firstEntrySchema = z.object({
  version: z.literal(1),
  broadcastId: z.uuid(),
  epoch: z.int().positive(),
  videoUrl: z.string(),
  startedAt: z.iso.datetime(),
  ended: endSchema.extend({ epoch: z.int().positive() }).nullable(),
  broadcast: z.object({
    authorisation: runningSchema.pick({ channelId: true, wantsThumbnail: true, settings: true }),
    controlEpoch: z.int().positive(),
    started: z.object({ source: sourceSchema }),
    packager: playlistsSchema,
  }).optional(),
});
type FirstEntry = z.infer<typeof firstEntrySchema>;

/**
 * The entry that a file holds, of this version or of one before.
 * @throws Error when it is of a later version, or broken
 */
export function readEntry(text: string): JournalEntry {
  const value: unknown = JSON.parse(text);
  const { version } = z.object({ version: z.int() }).parse(value);
  if (version > 2) throw new Error(`it is of version ${version}, and only 1 and 2 are known here`);
  return version === 1 ? upgrade(firstEntrySchema.parse(value)) : entrySchema.parse(value);
}

function upgrade({ broadcast, ended, ...entry }: FirstEntry): JournalEntry {
  const controlEpoch = ended?.epoch ?? broadcast?.controlEpoch ?? entry.epoch;
  const running = broadcast === undefined ? null : {
    ...broadcast.authorisation,
    source: broadcast.started.source,
    playlists: broadcast.packager,
  };
  return { ...entry, version: 2, controlEpoch, ended: ended && withoutEpoch(ended), running };
}

function withoutEpoch({ epoch: _, ...end }: NonNullable<FirstEntry["ended"]>): JournalEnd {
  return end;
}
