/**
 * A body that goes out together with its head. Bun's server (1.4.5) writes a response that is made
 * after the request's own turn in one piece up to a body of about 15 KB; beyond that every name, colon
 * and value of its head is a system call and a packet of its own, 44 of them for a part. What a direct
 * stream writes and ends in one turn is sent with its head and its length by a single call.
 */
const IN_ONE_PIECE_ANYWAY_BYTES = 15_000;
/** The stream holds a copy of its own until its reader has read it: no more than a socket takes at once. */
const MAX_BYTES = 256 * 1024;

/** Whether `bytes` are worth it. */
export function isOnePiece({ length }: Uint8Array): boolean {
  return length > IN_ONE_PIECE_ANYWAY_BYTES && length <= MAX_BYTES;
}

export function onePiece(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source: Bun.DirectUnderlyingSource<Uint8Array> = {
    type: "direct",
    pull(controller) {
      void controller.write(bytes);
      void controller.end();
    },
  };
  // The browser's types, which the pages need, know of no direct streams.
  const underlying = source as unknown as UnderlyingSource<Uint8Array<ArrayBuffer>>;
  // Below it what is written waits for the end, which tells the length.
  return new ReadableStream(underlying, { highWaterMark: bytes.length + 1 });
}
