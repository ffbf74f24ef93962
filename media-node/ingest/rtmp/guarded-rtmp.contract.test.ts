import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Rtmp from "node-media-server/src/protocol/rtmp.js";
import { expect, test } from "vitest";

const require = createRequire(import.meta.url);
const PROTOCOL_FILE = "node-media-server/src/protocol/rtmp.js";

// An upgrade fails here on purpose: read the new file, then check that everything the subclass in
// guarded-rtmp.ts replaces or calls still works as it did, before changing these values.
test("node-media-server is the version whose protocol parser was read", () => {
  const manifest: unknown = require("node-media-server/package.json");
  expect(manifest).toMatchObject({ version: "4.4.3" });
  const source = readFileSync(require.resolve(PROTOCOL_FILE));
  expect(createHash("sha256").update(source).digest("hex")).toBe(
    "0e14c79f7c4c8beefcce74fe2103596266f4a2ef9c539d55a8203617ab62d5a5",
  );
});

test("the override points are methods, and the output callback is a property", () => {
  const overridden = ["parserData", "chunkRead", "sendInvokeMessage"];
  const answers = ["sendACK", "sendWindowACK", "setPeerBandwidth", "setChunkSize"];
  const replies = ["sendStatusMessage", "respondConnect", "respondCreateStream"];
  for (const name of [...overridden, ...answers, ...replies]) {
    expect(Reflect.get(Rtmp.prototype, name), name).toBeTypeOf("function");
  }
  const fresh = new Rtmp();
  expect(Object.hasOwn(fresh, "onOutputCallback")).toBe(true);
  expect(fresh).toMatchObject({ handshakeState: 0, handshakeBytes: 0, streams: 0 });
  expect(fresh.outChunkSize).toBe(0xffff);
});
