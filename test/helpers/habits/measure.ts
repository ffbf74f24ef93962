/**
 * Everything about a recorded rendition that a habit of the encoder could have spoilt, read from its
 * boxes and decoded by ffmpeg.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { readTrackClocks } from "#shared/hls/fragment-times.ts";
import { attributeOf, type CheckedSegment, splitLines } from "#shared/hls/parse-playlist.ts";
import { type DecodedStretch, decodeStretch, type Picture } from "./decode.ts";
import { readSamples, type Sample, unitTypesOf } from "./samples.ts";

/** What the multivariant playlist says about one rendition. */
export type Variant = {
  readonly name: string;
  readonly url: string;
  readonly frameRate: string | null;
  readonly resolution: string | null;
  readonly codecs: string | null;
  readonly closedCaptions: string | null;
};

export type MeasuredHabit = {
  readonly variant: Variant;
  /** Pictures as they are decoded, by stretch: from one init segment to the next. */
  readonly pictures: readonly (Picture | null)[];
  readonly frames: number;
  readonly decodedFrames: number;
  readonly audioPackets: number;
  /** The longest time from one frame of a track to the next, discontinuities aside. */
  readonly videoStepS: number;
  readonly audioStepS: number;
  readonly durationS: number;
  /** Seconds of video and audio in samples. */
  readonly videoS: number;
  readonly audioS: number;
  /** How long each flash is after its beep. */
  readonly flashAfterBeepMs: readonly number[];
  readonly keyframesS: readonly number[];
  readonly segmentStartsS: readonly number[];
  readonly stretchStartsS: readonly number[];
  readonly segmentsS: readonly number[];
  /** What no decoder may be given. */
  readonly faults: readonly string[];
};

/** What a multivariant playlist offers. */
export function readVariants(text: string, url: string): Variant[] {
  const lines = splitLines(text);
  return lines.flatMap(({ tag, value }, index) => {
    const uri = lines[index + 1]?.value ?? "";
    if (tag !== "EXT-X-STREAM-INF") return [];
    const full = new URL(uri, url).href;
    return [{
      name: /\/(low|mid|high)\//.exec(full)?.[1] ?? uri,
      url: full,
      frameRate: attributeOf(value, "FRAME-RATE"),
      resolution: attributeOf(value, "RESOLUTION"),
      codecs: attributeOf(value, "CODECS"),
      closedCaptions: attributeOf(value, "CLOSED-CAPTIONS"),
    }];
  });
}

type Placed = Sample & { readonly kind: string; readonly startS: number; readonly endS: number };
type Segment = CheckedSegment & { readonly bytes: Uint8Array; readonly samples: Placed[] };
/** Segments behind one init segment, in a run without a discontinuity. */
type Stretch = {
  readonly init: Uint8Array;
  readonly kinds: string[];
  readonly segments: Segment[];
  readonly isDiscontinuous: boolean;
};

/** Loads and decodes all of a rendition. */
export async function measureRendition(variant: Variant): Promise<MeasuredHabit> {
  const stretches = await loadStretches(variant.url);
  const decoded = await decodeAll(stretches);
  const segments = stretches.flatMap((stretch) => stretch.segments);
  const samples = segments.flatMap((segment) => segment.samples);
  const videos = samples.filter(({ kind }) => kind === "vide");
  const sounds = samples.filter(({ kind }) => kind === "soun");
  const lengthOf = (of: Placed[]) => of.reduce((sum, { startS, endS }) => sum + endS - startS, 0);
  return {
    variant,
    pictures: decoded.map(({ picture }) => picture),
    frames: videos.length,
    decodedFrames: decoded.reduce((sum, { frames }) => sum + frames, 0),
    audioPackets: sounds.length,
    videoStepS: longestStep(stretches, "vide", ({ ptsTicks }) => ptsTicks / VIDEO_TIMESCALE),
    audioStepS: longestStep(stretches, "soun", ({ startS }) => startS),
    durationS: segments.reduce((sum, { durationS }) => sum + durationS, 0),
    videoS: lengthOf(videos),
    audioS: lengthOf(sounds),
    flashAfterBeepMs: decoded.flatMap((one) => one.flashAfterBeepMs),
    keyframesS: videos.filter(({ isSync }) => isSync).map(({ ptsTicks }) =>
      ptsTicks / VIDEO_TIMESCALE
    ),
    segmentStartsS: segments.map(startOf),
    stretchStartsS: stretches.flatMap((stretch) => stretch.segments.slice(0, 1)).map(startOf),
    segmentsS: segments.map(({ durationS }) => durationS),
    faults: [...stretches.flatMap(findSampleFaults), ...decoded.flatMap(({ faults }) => faults)],
  };
}

const VIDEO_TIMESCALE = 90_000;

function startOf({ samples }: Segment): number {
  return (samples.find(({ kind }) => kind === "vide") ?? samples[0])?.startS ?? Number.NaN;
}

/** Within what no discontinuity parts. */
function longestStep(
  stretches: readonly Stretch[],
  wanted: string,
  timeOf: (sample: Placed) => number,
): number {
  let longestS = 0;
  let timesS: number[] = [];
  for (const { isDiscontinuous, segments } of stretches) {
    if (isDiscontinuous) timesS = [];
    const samples = segments.flatMap((segment) => segment.samples);
    timesS.push(...samples.filter(({ kind }) => kind === wanted).map(timeOf));
    const sorted = timesS.toSorted((a, b) => a - b);
    const steps = sorted.slice(1).map((timeS, index) => timeS - (sorted[index] ?? 0));
    longestS = Math.max(longestS, ...steps);
  }
  return longestS;
}

async function loadStretches(url: string): Promise<Stretch[]> {
  const playlist = readMediaPlaylist(Buffer.from(await bytesOf(url)).toString());
  const stretches: Stretch[] = [];
  let initUri: string | null = null;
  for (const segment of playlist.segments) {
    if (stretches.length === 0 || segment.isDiscontinuous || segment.initUri !== initUri) {
      initUri = segment.initUri;
      const init = await bytesOf(new URL(initUri ?? "", url).href);
      stretches.push({
        init,
        kinds: readTrackClocks(init).map(({ handler }) => handler),
        segments: [],
        isDiscontinuous: segment.isDiscontinuous,
      });
    }
    const stretch = stretches.at(-1);
    const bytes = await bytesOf(new URL(segment.uri, url).href);
    if (stretch === undefined) continue;
    stretch.segments.push({ ...segment, bytes, samples: place(bytes, stretch.init) });
  }
  return stretches;
}

function place(bytes: Uint8Array, init: Uint8Array): Placed[] {
  const clocks = new Map(readTrackClocks(init).map((clock) => [clock.trackId, clock]));
  return readSamples(bytes).map((sample) => {
    const { handler: kind = "", timescale = Number.NaN } = clocks.get(sample.trackId) ?? {};
    const startS = sample.dtsTicks / timescale;
    return { ...sample, kind, startS, endS: startS + sample.durationTicks / timescale };
  });
}

/** Segments that lack what their init declares, and samples that are not what they say. */
function findSampleFaults({ kinds, segments }: Stretch): string[] {
  return segments.flatMap(({ uri, samples }) => {
    const lacking = kinds.filter((kind) => !samples.some((sample) => sample.kind === kind));
    const videos = samples.filter(({ kind }) => kind === "vide");
    const units = videos.map(unitTypesOf);
    const count = (what: string, is: (types: number[], isSync: boolean) => boolean) => {
      const found = units.filter((types, index) => is(types, videos[index]?.isSync === true));
      return found.length === 0 ? [] : [`${uri}: ${found.length} ${what}`];
    };
    const adts = samples.filter(({ kind, data }) =>
      kind === "soun" && data[0] === 0xff && ((data[1] ?? 0) & 0xf6) === 0xf0
    );
    return [
      ...(adts.length > 0 ? [`${uri}: ${adts.length} audio frames behind ADTS headers`] : []),
      ...lacking.map((kind) => `${uri} has no ${kind}`),
      ...(videos[0]?.isSync === false ? [`${uri} begins with no keyframe`] : []),
      ...count("samples with broken lengths", (types) => types.includes(-1)),
      ...count(
        "samples without a picture",
        (types) => !types.some((type) => type >= 1 && type <= 5),
      ),
      ...count("sync samples without an IDR", (types, isSync) => isSync && !types.includes(5)),
      ...count("IDRs that are not sync", (types, isSync) => !isSync && types.includes(5)),
    ];
  });
}

async function decodeAll(stretches: readonly Stretch[]): Promise<DecodedStretch[]> {
  const folder = await mkdtemp(join(tmpdir(), "habit-"));
  try {
    const decoded: DecodedStretch[] = [];
    for (const [index, { init, kinds, segments }] of stretches.entries()) {
      const file = join(folder, `${index}.mp4`);
      await writeFile(file, Buffer.concat([init, ...segments.map(({ bytes }) => bytes)]));
      const timesOf = (wanted: string) =>
        segments.flatMap(({ samples }) => samples.filter(({ kind }) => kind === wanted));
      decoded.push(
        await decodeStretch({
          file,
          framesS: kinds.includes("vide")
            ? timesOf("vide").map(({ ptsTicks }) => ptsTicks / VIDEO_TIMESCALE)
            : null,
          packetsS: kinds.includes("soun") ? timesOf("soun").map(({ startS }) => startS) : null,
        }),
      );
    }
    return decoded;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bytesOf(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.bytes();
}
