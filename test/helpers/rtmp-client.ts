/**
 * A raw RTMP publisher for tests: polite when asked to be, and able to send any bytes.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Amf0Value, decodeAmf0 } from "#media-node/formats/flv/amf0.ts";
import { withDeadline } from "#shared/retry.ts";
import {
  commandBytes,
  connectBytes,
  handshakeBytes,
  messageBytes,
  publishBytes,
  publishCommandBytes,
  RTMP_TYPE,
  type RtmpMessage,
} from "./rtmp-bytes.ts";
import { until } from "./until.ts";

export type RtmpStatus = {
  readonly level: string;
  readonly code: string;
  readonly description: string;
};

export type RtmpClientOptions = {
  readonly port: number;
  readonly host?: string;
  /** RTMPS without checking the certificate. */
  readonly isTls?: boolean;
};

const DEADLINE_MS = 5_000;
const HANDSHAKE_ANSWER_BYTES = 1 + 2 * 1536;
const CHUNK_HEADER_BYTES = 12;

export class RtmpClient {
  /** Every command the server sent, decoded. */
  readonly commands: (readonly Amf0Value[])[] = [];
  /** Protocol messages: type and first four bytes as a number. */
  readonly controls: { readonly type: number; readonly value: number }[] = [];
  readonly socket: Socket;
  /** The server has ended or cut the connection. */
  isClosed = false;
  #unread = Buffer.alloc(0);
  #isHandshaken = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("end", () => (this.isClosed = true));
    socket.on("close", () => (this.isClosed = true));
    socket.on("error", () => (this.isClosed = true));
  }

  /** A TCP (or TLS) connection that has sent nothing yet. */
  static async open({ port, host = "127.0.0.1", isTls }: RtmpClientOptions): Promise<RtmpClient> {
    // Half open: a rude client goes on writing after the server has ended.
    const socket = isTls === true
      ? connectTls({ port, host, rejectUnauthorized: false })
      : connectTcp({ port, host, allowHalfOpen: true });
    const client = new RtmpClient(socket);
    const opened = new Promise<void>((resolve, reject) => {
      socket.once(isTls === true ? "secureConnect" : "connect", () => resolve());
      socket.once("error", reject);
    });
    await withDeadline("connect", DEADLINE_MS, opened);
    return client;
  }

  /** Handshake, connect and publish; resolves with the server's verdict. */
  static async publish(
    options: RtmpClientOptions & { readonly app?: string; readonly streamKey: string },
  ): Promise<{ client: RtmpClient; status: RtmpStatus }> {
    const client = await RtmpClient.open(options);
    client.sendRaw(publishBytes(options.app ?? "streaming", options.streamKey));
    return { client, status: await client.nextStatus() };
  }

  /** Handshake and `connect`, waiting for the answer. */
  async connectApp(app: string): Promise<void> {
    this.sendRaw(Buffer.concat([handshakeBytes(), connectBytes(app)]));
    await until(() => this.commands.some(([name]) => name === "_result"), DEADLINE_MS);
  }

  /** `createStream` and `publish`. */
  sendPublish(streamKey: string): void {
    this.sendCommand("createStream", 4, null);
    this.sendRaw(publishCommandBytes(streamKey));
  }

  sendCommand(name: string, ...values: Parameters<typeof commandBytes>[1][]): void {
    this.sendRaw(commandBytes(name, ...values));
  }

  sendMessage(message: RtmpMessage): void {
    this.sendRaw(messageBytes(message));
  }

  sendVideo(timestampMs: number, payload: Uint8Array): void {
    const { video: type } = RTMP_TYPE;
    this.sendMessage({ type, payload, timestampMs, streamId: 1, chunkStream: 6 });
  }

  sendAudio(timestampMs: number, payload: Uint8Array): void {
    const { audio: type } = RTMP_TYPE;
    this.sendMessage({ type, payload, timestampMs, streamId: 1, chunkStream: 5 });
  }

  sendRaw(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** The next `onStatus` that was not returned yet. */
  async nextStatus(deadlineMs = DEADLINE_MS): Promise<RtmpStatus> {
    const message = await until(
      () => this.commands.find(([name]) => name === "onStatus"),
      deadlineMs,
    );
    this.commands.splice(this.commands.indexOf(message), 1);
    const info = message[3];
    const read = (name: string) => info instanceof Map ? String(info.get(name)) : "";
    return { level: read("level"), code: read("code"), description: read("description") };
  }

  /** Resolves when the server has closed the connection. */
  async closed(deadlineMs = DEADLINE_MS): Promise<void> {
    await until(() => this.isClosed, deadlineMs);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    if (!this.#isHandshaken) {
      if (this.#unread.length < HANDSHAKE_ANSWER_BYTES) return;
      this.#isHandshaken = true;
      this.#unread = this.#unread.subarray(HANDSHAKE_ANSWER_BYTES);
    }
    while (this.#unread.length >= CHUNK_HEADER_BYTES) {
      const end = CHUNK_HEADER_BYTES + this.#unread.readUIntBE(4, 3);
      if (this.#unread.length < end) return;
      // The server writes every message as one chunk of type 0.
      this.#receiveMessage(this.#unread[7] ?? 0, this.#unread.subarray(CHUNK_HEADER_BYTES, end));
      this.#unread = this.#unread.subarray(end);
    }
  }

  #receiveMessage(type: number, payload: Buffer): void {
    if (type === RTMP_TYPE.command) this.commands.push(decodeAmf0(payload));
    else this.controls.push({ type, value: payload.readUInt32BE() });
  }
}
