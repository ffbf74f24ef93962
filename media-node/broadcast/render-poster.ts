/**
 * One frame of a broadcast as a JPEG: a keyframe of the source, decoded once by a short-lived ffmpeg.
 */
import { withDeadline } from "#shared/retry.ts";
import { splitNals } from "../formats/codecs/nal-units.ts";
import { parameterSetsOf, withParameterSets } from "../formats/codecs/parameter-sets.ts";
import type { MediaFrame, VideoConfig, VideoTrack } from "../formats/media.ts";
import { SupervisedProcess } from "../ladder/ffmpeg/process.ts";

/** A tenth of a second of work: what is waited for is a processor that others have. */
const DEADLINE_MS = 60_000;
const MAX_BYTES = 10 * 1024 * 1024;
/** As large as the widest source. */
const MAX_WIDTH = 4096;

export type PosterSource = {
  readonly track: VideoTrack;
  readonly keyframe: MediaFrame;
};

/**
 * The picture of `source.keyframe`, in the shape the source is shown in.
 * @throws Error when it cannot be decoded in a minute; the signal's reason when that is aborted
 */
export async function renderPoster(
  ffmpegPath: string,
  source: PosterSource,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const chunks: Uint8Array[] = [];
  const child = new SupervisedProcess({
    argv: [ffmpegPath, ...posterArgs(source.track.config)],
    // Behind everything else it would take seconds, and others wait for their turn.
    extraOutputs: 0,
    onOutput: (_fd, chunk) => chunks.push(chunk),
    onDrain: () => {},
    onExit: () => {},
  });
  const kill = () => child.kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    child.write(toAnnexB(source));
    child.endInput();
    const { code, signal: by, stderr } = await withDeadline(
      "the poster",
      DEADLINE_MS,
      child.exited,
    );
    signal.throwIfAborted();
    const bytes = Buffer.concat(chunks);
    if (code === 0 && bytes.length > 0 && bytes.length <= MAX_BYTES) return bytes;
    const said = stderr.at(-1) ?? "it said nothing";
    throw new Error(`ffmpeg made no poster (code ${code}, signal ${by}): ${said}`);
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** The keyframe with its parameter sets as a stream of its own. @see ISO/IEC 14496-10 annex B */
function toAnnexB({ track, keyframe }: PosterSource): Uint8Array {
  const unit = withParameterSets(keyframe.data, parameterSetsOf(track.config.avcC));
  return Buffer.concat((splitNals(unit, 4) ?? []).flatMap((nal) => [START_CODE, nal]));
}

function posterArgs(config: VideoConfig): string[] {
  const { width, height, displayWidth = width } = config;
  const shownWidth = Math.min(Math.max(1, Math.round(displayWidth)), MAX_WIDTH);
  return [
    "-hide_banner", // no build details among the lines we keep
    "-nostdin", // stdin is media, not a keyboard
    "-loglevel",
    "error",
    "-threads",
    "1", // one frame is not worth more
    "-protocol_whitelist",
    "pipe", // media may not make ffmpeg open files or sockets
    "-f",
    "h264",
    "-i",
    "pipe:0",
    "-frames:v",
    "1",
    "-vf",
    // Fields of two moments would show as combs; JPEG readers ignore the shape of pixels.
    `yadif=deint=interlaced,scale=${shownWidth}:${height},setsar=1`,
    "-pix_fmt",
    "yuvj420p", // what JPEG readers everywhere take
    "-c:v",
    "mjpeg",
    "-q:v",
    "3", // near the best: the resizer makes smaller ones from it
    "-f",
    "image2pipe",
    "pipe:1",
  ];
}
