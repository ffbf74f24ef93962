/**
 * A publisher that sends recorded tags with timestamps of the test's choice.
 */
import { FlvReader } from "#media-node/formats/flv/flv-reader.ts";
import type { FlvTag } from "#media-node/formats/flv/flv-tag.ts";
import { recordFlv, type TestPattern } from "./ffmpeg.ts";
import { RtmpClient } from "./rtmp-client.ts";

const SLICE_MS = 200;
const LAST_STAMP = 2 ** 32;

/** `pattern` encoded by ffmpeg, in file order. */
export async function recordTags(
  pattern: TestPattern & { readonly seconds: number },
): Promise<FlvTag[]> {
  const tags: FlvTag[] = [];
  new FlvReader((tag) => tags.push(tag)).push(await recordFlv(pattern));
  return tags;
}

export type TagPublisherOptions = {
  readonly port: number;
  readonly streamKey: string;
  /** 1: in real time. */
  readonly speed: number;
};

export class TagPublisher {
  readonly #client: RtmpClient;
  readonly #speed: number;

  private constructor(client: RtmpClient, speed: number) {
    this.#client = client;
    this.#speed = speed;
  }

  /** A publisher that was accepted. */
  static async open({ speed, ...options }: TagPublisherOptions): Promise<TagPublisher> {
    const { client, status } = await RtmpClient.publish(options);
    if (status.code !== "NetStream.Publish.Start") throw new Error(status.description);
    return new TagPublisher(client, speed);
  }

  /** Sends `tags`, in order and paced by what they were recorded with, stamped by `stampMs`. */
  async send(tags: readonly FlvTag[], stampMs: (tag: FlvTag) => number): Promise<void> {
    let sliceMs = tags[0]?.dtsMs ?? 0;
    for (const tag of tags) {
      for (; tag.dtsMs >= sliceMs + SLICE_MS; sliceMs += SLICE_MS) {
        await Bun.sleep(SLICE_MS / this.#speed);
      }
      const stamp = ((Math.round(stampMs(tag)) % LAST_STAMP) + LAST_STAMP) % LAST_STAMP;
      if (tag.type === "video") this.#client.sendVideo(stamp, tag.body);
      if (tag.type === "audio") this.#client.sendAudio(stamp, tag.body);
    }
  }

  /** Presses stop. */
  stop(): void {
    this.#client.sendCommand("deleteStream", 0, null, 1);
    this.#client.socket.end();
  }

  /** Pulls the plug. */
  drop(): void {
    this.#client.destroy();
  }
}
