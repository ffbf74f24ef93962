/**
 * RTMP command messages as values: AMF0 in, a closed set of commands out.
 * @see RTMP specification 1.0, section 7.2
 */
import { type Amf0Object, type Amf0Value, decodeAmf0Leniently } from "../../formats/flv/amf0.ts";

/** A command we act on; everything else is `other` and at most acknowledged. */
export type RtmpCommand =
  | {
    readonly name: "connect";
    readonly transactionId: number;
    readonly app: string;
    readonly encoder: string | null;
    readonly objectEncoding: 0 | 3;
  }
  | { readonly name: "createStream"; readonly transactionId: number }
  | { readonly name: "publish"; readonly streamName: string }
  | { readonly name: "play" }
  | {
    readonly name: "stop";
    readonly transactionId: number;
    /** `FCUnpublish`: a farewell that names the stream key, and may be waited for. */
    readonly isAnnounced: boolean;
    /** The message stream that `deleteStream` names. */
    readonly streamId: number | null;
  }
  | { readonly name: "other"; readonly transactionId: number; readonly isQuestion: boolean };

/** A command that no encoder sends: the connection is dropped. */
export class RtmpCommandError extends Error {
  override readonly name = "RtmpCommandError";
}

/** Commands an encoder may wait for an answer to, whatever it says. */
const QUESTIONS = new Set(["releaseStream", "FCPublish", "_checkbw"]);
const STOPS = new Set(["deleteStream", "closeStream", "FCUnpublish"]);
const PLAYS = new Set(["play", "play2"]);
const MAX_ENCODER_CHARS = 200;

/** Name, transaction, command object and one argument: nobody needs more of a command. */
const MAX_PARTS = 4;
/** What an AMF3 command begins with: what follows is AMF0, with AMF3 inside where it says so. */
const AMF0_FORMAT = 0;

/**
 * The command in `payload`, out of the parts that can be read.
 * @throws RtmpCommandError when a part that the command needs is missing or of a wrong type
 */
export function parseCommand(payload: Uint8Array, isAmf3: boolean): RtmpCommand {
  const body = isAmf3 && payload[0] === AMF0_FORMAT ? payload.subarray(1) : payload;
  const [name, transaction, properties, argument] = decodeAmf0Leniently(body, MAX_PARTS);
  if (typeof name !== "string") throw new RtmpCommandError("a command without a name");
  const transactionId = typeof transaction === "number" ? transaction : 0;
  if (name === "connect") return parseConnect(transactionId, properties);
  if (name === "createStream") return { name, transactionId };
  if (name === "publish") return { name, streamName: typeof argument === "string" ? argument : "" };
  if (PLAYS.has(name)) return { name: "play" };
  if (STOPS.has(name)) {
    const streamId = name === "deleteStream" && typeof argument === "number" ? argument : null;
    return { name: "stop", transactionId, isAnnounced: name === "FCUnpublish", streamId };
  }
  return { name: "other", transactionId, isQuestion: QUESTIONS.has(name) };
}

function parseConnect(transactionId: number, properties: Amf0Value): RtmpCommand {
  if (!(properties instanceof Map)) throw new RtmpCommandError("connect without its properties");
  // Without either, the key may still name its app: see `readPublishTarget`.
  const app = readText(properties, "app") || readAppOfUrl(readText(properties, "tcUrl"));
  return {
    name: "connect",
    transactionId,
    app,
    encoder: readText(properties, "flashVer")?.slice(0, MAX_ENCODER_CHARS) ?? null,
    objectEncoding: properties.get("objectEncoding") === 3 ? 3 : 0,
  };
}

function readText(properties: Amf0Object, name: string): string | null {
  const value = properties.get(name);
  return typeof value === "string" ? value : null;
}

function readAppOfUrl(tcUrl: string | null): string {
  return tcUrl !== null && URL.canParse(tcUrl) ? new URL(tcUrl).pathname : "";
}
