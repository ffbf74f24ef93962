/**
 * One frame of a broadcast as a JPEG: a keyframe of the source, decoded once by a short-lived ffmpeg.
 */
import { withDeadline } from "#shared/retry.ts";
import { writeFlvHeader, writeFlvTag } from "../formats/flv/flv-writer.ts";
import { SupervisedProcess } from "../ladder/ffmpeg/process.ts";
import type { FlvTag } from "../formats/media.ts";

const DEADLINE_MS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;

export type PosterSource = {
  /** The sequence header the keyframe needs. */
  readonly header: FlvTag;
  readonly keyframe: FlvTag;
};

/**
 * The picture of `source.keyframe`, in the source's size.
 * @throws Error when it cannot be decoded in 10 s
 */
export async function renderPoster(ffmpegPath: string, source: PosterSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const child = new SupervisedProcess({
    argv: [ffmpegPath, ...POSTER_ARGS],
    extraOutputs: 0,
    onOutput: (_fd, chunk) => chunks.push(chunk),
    onDrain: () => {},
    onExit: () => {},
  });
  child.write(writeFlvHeader({ hasVideo: true, hasAudio: false }));
  child.write(writeFlvTag(source.header, 0));
  child.write(writeFlvTag(source.keyframe, 0));
  try {
    const { code, signal, stderr } = await withDeadline("the poster", DEADLINE_MS, child.stop());
    const bytes = Buffer.concat(chunks);
    if (code === 0 && bytes.length > 0 && bytes.length <= MAX_BYTES) return bytes;
    const said = stderr.at(-1) ?? "it said nothing";
    throw new Error(`ffmpeg made no poster (code ${code}, signal ${signal}): ${said}`);
  } finally {
    child.kill();
  }
}

const POSTER_ARGS: readonly string[] = [
  "-hide_banner", // no build details among the lines we keep
  "-nostdin", // stdin is media, not a keyboard
  "-loglevel",
  "error",
  "-threads",
  "1", // one frame is not worth more
  "-protocol_whitelist",
  "pipe", // media may not make ffmpeg open files or sockets
  "-f",
  "flv",
  "-i",
  "pipe:0",
  "-frames:v",
  "1",
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
