import { get, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { silentLogger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import type { Recorder, RecordingResult } from "../recorder/port.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const live = new LiveRegistry();
const nowhere: Storage = {
  put: () => Promise.reject(new Error("there is no storage")),
  get: () => Promise.resolve(null),
  head: () => Promise.resolve(null),
  delete: () => Promise.resolve(),
  deletePrefix: () => Promise.resolve(),
  list: async function* () {},
};
const result: RecordingResult = { durationMs: 0, recordedBytes: 0, isPlayable: false };
/** Says of everything that it is stored, so that the DVR window is as long as it may be. */
const recorder: Recorder = {
  name: "recorder",
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  begin: () => ({
    addInit: () => {},
    addSegment: () => {},
    isStored: () => true,
    storedBytes: 0,
    finish: () => Promise.resolve(result),
    issues: [],
  }),
  resume: () => Promise.reject(new Error("nothing is stored")),
};

let server: PlaybackServer;
let url: string;

beforeAll(async () => {
  const log = silentLogger;
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage: nowhere, live, log });
  await server.start();
  const start = { partTargetMs: 340, dvrWindowS: 7200 };
  const broadcast = startSyntheticBroadcast({ live, recorder, start, frameBytes: 10 });
  broadcast.pushUntil(1800);
  url = `http://127.0.0.1:${server.port}/hls-live/${broadcast.videoUrl}/1/high/index.m3u8`;
});

afterAll(async () => {
  await server.stop();
  live.close();
});

async function read(acceptEncoding: string) {
  const headers = { "accept-encoding": acceptEncoding };
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(url, { headers }, resolve).on("error", reject)
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of response) chunks.push(chunk as Uint8Array);
  return { headers: response.headers, body: Buffer.concat(chunks) };
}

test("a long live playlist is compressed for those who take it", async () => {
  const plain = await read("identity");
  const refused = await read("br, gzip;q=0");
  const small = await read("gzip, deflate, br");
  expect(plain.headers).toMatchObject({ vary: "accept-encoding" });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(refused.headers["content-encoding"]).toBeUndefined();
  expect(small.headers["content-encoding"]).toBe("gzip");
  expect(small.body.length).toBeLessThan(plain.body.length / 4);
  expect(gunzipSync(small.body).equals(plain.body)).toBe(true);
  const { segments, complaints } = readMediaPlaylist(plain.body.toString());
  expect(complaints).toEqual([]);
  expect(segments.length).toBeGreaterThan(890);
});
