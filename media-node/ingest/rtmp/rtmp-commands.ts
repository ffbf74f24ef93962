/**
 * RTMP command messages as values: AMF0 in, a closed set of commands out.
 * @see RTMP specification 1.0, section 7.2
 */
import { type Amf0Object, type Amf0Value, decodeAmf0 } from "../../formats/flv/amf0.ts";

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
  | { readonly name: "stop" }
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

/**
 * The command in `payload`.
 * @throws Amf0Error when it is not AMF0
 * @throws RtmpCommandError when a part that the command needs is missing or of a wrong type
 */
export function parseCommand(payload: Uint8Array): RtmpCommand {
  const [name, transaction, properties, argument] = decodeAmf0(payload);
  if (typeof name !== "string") throw new RtmpCommandError("a command without a name");
  const transactionId = typeof transaction === "number" ? transaction : 0;
  if (name === "connect") return parseConnect(transactionId, properties);
  if (name === "createStream") return { name, transactionId };
  if (name === "publish") return { name, streamName: typeof argument === "string" ? argument : "" };
  if (PLAYS.has(name)) return { name: "play" };
  if (STOPS.has(name)) return { name: "stop" };
  return { name: "other", transactionId, isQuestion: QUESTIONS.has(name) };
}

function parseConnect(transactionId: number, properties: Amf0Value): RtmpCommand {
  if (!(properties instanceof Map)) throw new RtmpCommandError("connect without its properties");
  const app = readText(properties, "app") ?? readAppOfUrl(readText(properties, "tcUrl"));
  if (app === null) throw new RtmpCommandError("connect names neither app nor tcUrl");
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

function readAppOfUrl(tcUrl: string | null): string | null {
  return tcUrl !== null && URL.canParse(tcUrl) ? new URL(tcUrl).pathname : null;
}
