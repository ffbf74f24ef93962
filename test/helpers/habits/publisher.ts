/**
 * A publisher that sends any tags, each when it is due and stamped as it says.
 */
import { RTMP_TYPE } from "#test/helpers/rtmp-bytes.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import type { WireTag } from "./wire-tag.ts";

export type HabitPublisherOptions = {
  readonly port: number;
  readonly streamKey: string;
  /** Default 1: in real time. */
  readonly speed?: number;
  /** Of the chunks it sends. Default 4096. */
  readonly chunkBytes?: number;
};

const CHUNK_STREAMS = { audio: 5, video: 6, script: 4 };
const OTHER_CHUNK_STREAM = 7;

export class HabitPublisher {
  readonly #client: RtmpClient;
  readonly #speed: number;
  readonly #chunkBytes: number;

  private constructor(client: RtmpClient, { speed = 1, chunkBytes = 4096 }: HabitPublisherOptions) {
    this.#client = client;
    this.#speed = speed;
    this.#chunkBytes = chunkBytes;
  }

  /** A publisher that was accepted. @throws Error with the refusal's words */
  static async open(options: HabitPublisherOptions): Promise<HabitPublisher> {
    const { client, status } = await RtmpClient.publish(options);
    if (status.code !== "NetStream.Publish.Start") throw new Error(status.description);
    const publisher = new HabitPublisher(client, options);
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(publisher.#chunkBytes);
    client.sendMessage({ type: RTMP_TYPE.setChunkSize, payload, chunkStream: 2 });
    return publisher;
  }

  /** The server has ended or cut the connection. */
  get isThrownOut(): boolean {
    return this.#client.isClosed;
  }

  /** Sends `tags`, in order, until they are sent or it is thrown out. */
  async send(tags: readonly WireTag[]): Promise<void> {
    const zeroMs = performance.now() - (tags[0]?.sentMs ?? 0) / this.#speed;
    for (const tag of tags) {
      const waitMs = zeroMs + tag.sentMs / this.#speed - performance.now();
      if (waitMs > 1) await Bun.sleep(waitMs);
      if (this.isThrownOut) return;
      this.#send(tag);
    }
  }

  #send({ type, stampMs, body }: WireTag): void {
    const isKnown = typeof type === "string";
    this.#client.sendMessage({
      type: isKnown ? RTMP_TYPE[type === "script" ? "data" : type] : type,
      payload: body,
      timestampMs: Math.round(stampMs) >>> 0,
      streamId: 1,
      chunkStream: isKnown ? CHUNK_STREAMS[type] : OTHER_CHUNK_STREAM,
      chunkBytes: this.#chunkBytes,
    });
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
