/**
 * Has strangers and publishers claim huge messages of an ingest server, and prints how much memory
 * that took, as JSON on stdout. A process of its own, because the memory it measures is a process's.
 */
import { silentLogger } from "#shared/log.ts";
import { createIngestServer } from "#media-node/ingest/rtmp/server.ts";
import { handshakeBytes, messageBytes, RTMP_TYPE } from "./rtmp-bytes.ts";
import { RtmpClient } from "./rtmp-client.ts";
import { until } from "./until.ts";

const CLAIMS = 40;
const CHUNK_BYTES = 128;
const BEYOND_CAP_BYTES = 0xffffff;
const BELOW_CAP_BYTES = 7 * 1024 * 1024;

const server = createIngestServer({
  host: "127.0.0.1",
  port: 0,
  app: "streaming",
  log: silentLogger,
  onPublish: () => {
    const sink = { onStart: () => {}, onTag: () => {}, onEnd: () => {} };
    return Promise.resolve({ isAccepted: true, sink });
  },
});
await server.start();

/** One full chunk of a video message that claims to be longer. */
const claim = (claimedLength: number, chunkStream: number) =>
  messageBytes({
    type: RTMP_TYPE.video,
    payload: new Uint8Array(CHUNK_BYTES),
    chunkStream,
    claimedLength,
  });
const open = () => RtmpClient.open({ port: server.port });
const publish = async () =>
  (await RtmpClient.publish({ port: server.port, streamKey: "sk_a" })).client;
const many = <T>(make: () => Promise<T>) => Promise.all(Array.from({ length: CLAIMS }, make));

const bystander = await publish();
for (const client of await many(open)) client.destroy(); // what sockets need
await until(() => server.connections === 1, 2000);
const before = process.memoryUsage().rss;

const strangers = await many(open);
for (const client of strangers) {
  client.sendRaw(Buffer.concat([handshakeBytes(), claim(BEYOND_CAP_BYTES, 6)]));
}
await Promise.all(strangers.map((client) => client.closed()));
const strangersLeft = await until(() => server.connections === 1, 2000).then(() => 0);

const publishers = await many(publish);
for (const client of publishers) client.sendRaw(claim(BELOW_CAP_BYTES, 6));
await until(() => server.publishers === CLAIMS + 1, 2000);
const publishersClaiming = server.publishers;
const growthBytes = process.memoryUsage().rss - before;
for (const client of publishers) client.sendRaw(claim(BEYOND_CAP_BYTES, 7));
await Promise.all(publishers.map((client) => client.closed()));
await until(() => server.publishers === 1, 2000);
const publishersLeft = server.publishers;

bystander.destroy();
await server.stop();
process.stdout.write(
  JSON.stringify({ strangersLeft, publishersClaiming, publishersLeft, growthBytes }),
);
