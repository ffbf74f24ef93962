import { expect, test } from "vitest";
import { isOnePiece, onePiece } from "./one-piece.ts";

test("onePiece() goes out with its length, and whole", async () => {
  const bytes = Uint8Array.from({ length: 34_000 }, (_, at) => at % 251);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async () => {
      await Promise.resolve();
      return new Response(onePiece(bytes), { headers: { "content-type": "video/iso.segment" } });
    },
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(server.url)));
  for (const answer of answers) {
    expect(answer.headers.get("content-length")).toBe("34000");
    expect(answer.headers.get("transfer-encoding")).toBeNull();
    expect(Buffer.compare(await answer.bytes(), bytes)).toBe(0);
  }
  await server.stop(true);
});

test("isOnePiece() says no to what goes out as one anyway, and to what is too much to copy", () => {
  expect(
    [15_000, 15_001, 256 * 1024, 256 * 1024 + 1].map((bytes) => isOnePiece(new Uint8Array(bytes))),
  )
    .toEqual([false, true, true, false]);
});
