/**
 * A reply as HTTP. The bytes of a Blob go out without being copied, to any number of readers.
 */
import { COMMON_HEADERS } from "./cors.ts";
import { isOnePiece, onePiece } from "./one-piece.ts";
import type { Reply } from "./reply.ts";

/** What the server does about a reply that does not get to its end. */
export type StreamOwner = {
  /** What was being sent cannot be read any more; the reader is told by a reset. */
  readonly onFailed: (error: unknown) => void;
  /** The reader is to be let go of, whether it reads or not. */
  readonly onCut: () => void;
};

/** One reply may answer thousands: its headers are made once. */
const headersOf = new WeakMap<Reply, Headers>();

export function toResponse(reply: Reply, owner: StreamOwner): Response {
  const { status, body } = reply;
  const headers = headersOf.get(reply) ?? new Headers({ ...COMMON_HEADERS, ...reply.headers });
  headersOf.set(reply, headers);
  if (body === null) return new Response(null, { status, headers });
  if (body.kind === "bytes") {
    const { content, bytes } = body;
    const isAtOnce = bytes !== undefined && isOnePiece(bytes);
    return new Response(isAtOnce ? onePiece(bytes) : content, { status, headers });
  }
  return new Response(ownStream(body.stream, owner, body.cut), { status, headers });
}

/** `stream` at its reader's pace; ends in an error when it is cut. */
function ownStream(
  stream: ReadableStream<Uint8Array>,
  { onFailed, onCut }: StreamOwner,
  cut?: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    start(controller) {
      cut?.addEventListener("abort", () => {
        controller.error(cut.reason);
        onCut();
      }, { once: true });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (cut?.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        onFailed(error);
        controller.error(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
