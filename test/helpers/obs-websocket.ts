/**
 * OBS Studio's remote control.
 * @see obs-websocket 5.1 protocol, https://github.com/obsproject/obs-websocket
 */
import { createHash, randomUUID } from "node:crypto";
import { until } from "./until.ts";

/** A change of OBS's stream, and when we heard of it (`performance.now()`). */
export type StreamState = {
  /** `STARTING`, `STARTED`, `RECONNECTING`, `RECONNECTED`, `STOPPING`, `STOPPED`. */
  readonly name: string;
  readonly atMs: number;
};

export type ObsControl = {
  /** What the stream did since the connection, oldest first. */
  readonly states: readonly StreamState[];
  /** @throws Error with what OBS says against it */
  readonly request: (type: string, data?: unknown) => Promise<Record<string, unknown>>;
  readonly close: () => void;
};

type Message = {
  readonly op: number;
  readonly d: {
    readonly authentication?: { readonly challenge: string; readonly salt: string };
    readonly eventType?: string;
    readonly eventData?: { readonly outputState?: string };
    readonly requestId?: string;
    readonly requestStatus?: { readonly result: boolean; readonly comment?: string };
    readonly responseData?: Record<string, unknown>;
  };
};

const OP = { hello: 0, identify: 1, identified: 2, event: 5, request: 6, response: 7 };
/** Event subscription "Outputs". */
const OUTPUTS = 1 << 6;
const ANSWER_MS = 15_000;

/** Connects to an OBS that is on its way, within `deadlineMs`. */
export async function controlObs(
  port: number,
  password: string,
  deadlineMs: number,
): Promise<ObsControl> {
  const socket = await until(() => open(port), deadlineMs);
  const states: StreamState[] = [];
  const answers = new Map<string, Message["d"]>();
  let isIdentified = false;
  const send = (op: number, d: unknown) => socket.send(JSON.stringify({ op, d }));
  socket.addEventListener("message", ({ data }) => {
    const { op, d } = JSON.parse(String(data)) as Message;
    if (op === OP.hello) {
      const authentication = answerOf(password, d.authentication);
      send(OP.identify, { rpcVersion: 1, eventSubscriptions: OUTPUTS, authentication });
    } else if (op === OP.identified) isIdentified = true;
    else if (op === OP.response && d.requestId !== undefined) answers.set(d.requestId, d);
    else if (op === OP.event && d.eventType === "StreamStateChanged") {
      const name = d.eventData?.outputState?.replace("OBS_WEBSOCKET_OUTPUT_", "") ?? "";
      states.push({ name, atMs: performance.now() });
    }
  });
  await until(() => isIdentified, ANSWER_MS);
  const request = async (requestType: string, requestData: unknown = {}) => {
    const requestId = randomUUID();
    send(OP.request, { requestType, requestId, requestData });
    const { requestStatus, responseData } = await until(() => answers.get(requestId), ANSWER_MS);
    if (requestStatus?.result === true) return responseData ?? {};
    throw new Error(`OBS refused ${requestType}: ${requestStatus?.comment ?? "no reason"}`);
  };
  return { states, request, close: () => socket.close() };
}

function open(port: number): Promise<WebSocket | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("error", () => resolve(null));
  });
}

function answerOf(password: string, asked: Message["d"]["authentication"]): string | undefined {
  if (asked === undefined) return undefined;
  const hash = (text: string) => createHash("sha256").update(text).digest("base64");
  return hash(hash(password + asked.salt) + asked.challenge);
}
