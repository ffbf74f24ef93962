/**
 * What a recording says about itself in storage while it grows, so that it can be finished by
 * whoever comes after a crash. One header per broadcast, one journal per 100 segments of a rendition.
 */
import * as z from "zod";
import { type RenditionName, renditionNameSchema } from "#shared/contracts/broadcast.ts";
import type { Storage } from "#shared/storage/port.ts";

export const recordingHeaderSchema = z.object({
  version: z.literal(1),
  videoUrl: z.string(),
  epoch: z.int().nonnegative(),
  wallClockAtZeroMs: z.number(),
  targetDurationS: z.int().positive(),
});
export type RecordingHeader = z.infer<typeof recordingHeaderSchema>;

const initEntrySchema = z.object({
  number: z.int().nonnegative(),
  codecs: z.array(z.string()),
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
});
export type InitEntry = z.infer<typeof initEntrySchema>;

const segmentEntrySchema = z.object({
  msn: z.int().nonnegative(),
  initNumber: z.int().nonnegative(),
  startS: z.number(),
  durationS: z.number().nonnegative(),
  isDiscontinuous: z.boolean(),
  isIndependent: z.boolean(),
  /** Captions have come with the pictures by its end. */
  hasCaptions: z.boolean().optional(),
  /** Wall clock of its first frame, Unix ms; missing: as the header's clock has it. */
  wallClockMs: z.number().optional(),
  frames: z.int().nonnegative(),
  bytes: z.int().positive(),
});
export type StoredSegment = z.infer<typeof segmentEntrySchema>;

export const journalSchema = z.object({
  version: z.literal(1),
  inits: z.array(initEntrySchema),
  segments: z.array(segmentEntrySchema),
});
export type Journal = z.infer<typeof journalSchema>;

/** One rendition of a recording as far as it is in storage. */
export type RecordedRendition = {
  readonly name: RenditionName;
  readonly inits: readonly InitEntry[];
  readonly segments: readonly StoredSegment[];
};

export type RecordedBroadcast = {
  readonly header: RecordingHeader;
  readonly renditions: readonly RecordedRendition[];
};

/** Segment N is in journal N / 100, rounded down. */
export const SEGMENTS_PER_JOURNAL = 100;

export type RecordingRef = { readonly videoUrl: string; readonly epoch: number };

export const multivariantKey = (videoUrl: string) => `videos/${videoUrl}/index.m3u8`;
export const headerKey = (ref: RecordingRef) => `${epochPrefix(ref)}recording.json`;
export const epochPrefix = (ref: RecordingRef) => `videos/${ref.videoUrl}/${ref.epoch}/`;
export const renditionPrefix = (ref: RecordingRef, name: RenditionName) =>
  `${epochPrefix(ref)}${name}/`;
/** Says that a node has begun a recording and not finished it. */
export const openMarkerKey = (nodeId: string, ref: RecordingRef) =>
  `${openMarkerPrefix(nodeId)}${ref.videoUrl}.${ref.epoch}.json`;
export const openMarkerPrefix = (nodeId: string) =>
  `recordings/${nodeId.replaceAll(/[^\w-]/g, "_")}/`;

const HEADER = /^videos\/[^/]+\/\d+\/recording\.json$/;

/** Every broadcast into the video whose header is in storage, oldest first, with what it has stored. */
export async function readRecordings(
  storage: Storage,
  videoUrl: string,
): Promise<RecordedBroadcast[]> {
  const bytesByKey = new Map<string, number>();
  for await (const { key, bytes } of storage.list(`videos/${videoUrl}/`)) {
    bytesByKey.set(key, bytes);
  }
  const broadcasts: RecordedBroadcast[] = [];
  for (const key of bytesByKey.keys()) {
    if (!HEADER.test(key)) continue;
    const header = await readJson(storage, key, recordingHeaderSchema);
    if (header === null) continue;
    const renditions = await Promise.all(
      renditionNameSchema.options.map((name) =>
        readRendition(storage, { prefix: renditionPrefix(header, name), name, bytesByKey })
      ),
    );
    broadcasts.push({
      header,
      renditions: renditions.filter(({ segments }) => segments.length > 0),
    });
  }
  return broadcasts.toSorted((one, other) => one.header.epoch - other.header.epoch);
}

type RenditionSource = {
  readonly prefix: string;
  readonly name: RenditionName;
  readonly bytesByKey: ReadonlyMap<string, number>;
};

/** A segment whose file is missing or has another size than the journal says is left out. */
async function readRendition(
  storage: Storage,
  { prefix, name, bytesByKey }: RenditionSource,
): Promise<RecordedRendition> {
  const inits = new Map<number, InitEntry>();
  const segments: StoredSegment[] = [];
  for (const key of journalKeys(prefix, bytesByKey.keys())) {
    const journal = await readJson(storage, key, journalSchema);
    for (const init of journal?.inits ?? []) inits.set(init.number, init);
    segments.push(...journal?.segments ?? []);
  }
  const isStored = (segment: StoredSegment) =>
    bytesByKey.get(`${prefix}seg-${segment.msn}.m4s`) === segment.bytes &&
    (bytesByKey.get(`${prefix}init-${segment.initNumber}.mp4`) ?? 0) > 0;
  return { name, inits: [...inits.values()], segments: segments.filter(isStored) };
}

/** The journals of a rendition, oldest first; where nothing was stored for long, numbers are missing. */
function journalKeys(prefix: string, keys: Iterable<string>): string[] {
  const numbers = [...keys].flatMap((key) => {
    const [, number] = /^journal-(\d+)\.json$/.exec(key.slice(prefix.length)) ?? [];
    return key.startsWith(prefix) && number !== undefined ? [Number(number)] : [];
  });
  return numbers.sort((one, other) => one - other)
    .map((number) => `${prefix}journal-${number}.json`);
}

/** The parsed object; null when it is missing or not what it should be. */
export async function readJson<Schema extends z.ZodType>(
  storage: Storage,
  key: string,
  schema: Schema,
): Promise<z.output<Schema> | null> {
  const object = await storage.get(key);
  if (object === null) return null;
  const text = await new Response(object.body).text();
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
