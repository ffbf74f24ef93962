/**
 * RTMP messages by their type: what each is called, and how much of it is ever held in memory.
 * @see RTMP specification 1.0, sections 5.4 and 7.1
 */
import { PROTOCOL_LIMITS } from "../admission/limits.ts";

/** What the far side sent breaks the protocol or our caps: drop the connection. */
export class RtmpProtocolError extends Error {
  override readonly name = "RtmpProtocolError";

  /** What the far side is told. */
  get sentence(): string {
    return `RTMP error: ${this.message}.`;
  }
}

/** A frame is longer than we ever hold: something that a broadcaster can change. */
export class FrameTooLong extends RtmpProtocolError {
  constructor(type: number, bytes: number) {
    const [medium, less] = type === MESSAGE.audio
      ? ["audio", "a lower audio bitrate"]
      : ["video", "a lower bitrate or a smaller picture"];
    const most = formatBytes(maxMessageBytes(type) ?? 0);
    super(
      `A frame of the ${medium} has ${formatBytes(bytes)}; at most ${most} can be carried. ` +
        `Set ${less} in the encoder.`,
    );
  }

  override get sentence(): string {
    return this.message;
  }
}

/** Message types we act on. */
export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  userControl: 4,
  windowAckSize: 5,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const;

/** A complete message. */
export type RtmpMessage = {
  readonly type: number;
  readonly streamId: number;
  /** 32 bits of ms. */
  readonly timestampMs: number;
  /** Nothing else writes to it. */
  readonly payload: Buffer;
};

/** `keep`: to be assembled; `skip`: its bytes are read past, and none is held. */
export type MessagePlan = "keep" | "skip";

/** Protocol control messages, user control among them, are 1 to 6. */
const LAST_CONTROL = 6;
const SHARED_OBJECT_NAMES = new Map([
  [16, "shared object (AMF3)"],
  [19, "shared object"],
]);

/** Whether a message of `type` carries sound or picture. */
export function isMedia(type: number): boolean {
  return type === MESSAGE.audio || type === MESSAGE.video || type === MESSAGE.aggregate;
}

/** Whether a message of `type` is a command, in either encoding. */
export function isCommand(type: number): boolean {
  return type === MESSAGE.command || type === MESSAGE.commandAmf3;
}

/**
 * Most bytes of a message of `type` that are assembled; null: we do not carry that type.
 */
export function maxMessageBytes(type: number): number | null {
  if (isCommand(type)) return PROTOCOL_LIMITS.commandBytes;
  if (type === MESSAGE.data || type === MESSAGE.dataAmf3) return PROTOCOL_LIMITS.dataBytes;
  if (type === MESSAGE.audio) return PROTOCOL_LIMITS.audioBytes;
  if (isMedia(type)) return PROTOCOL_LIMITS.videoBytes;
  return type > 0 && type <= LAST_CONTROL ? PROTOCOL_LIMITS.controlBytes : null;
}

/** `type` as the log says it. */
export function nameMessage(type: number): string {
  if (isCommand(type)) return "command";
  if (type === MESSAGE.data || type === MESSAGE.dataAmf3) return "data";
  if (type === MESSAGE.aggregate) return "aggregate";
  return SHARED_OBJECT_NAMES.get(type) ?? `type ${type}`;
}

function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
