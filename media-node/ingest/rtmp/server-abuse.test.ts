import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { handshakeBytes, messageBytes, RTMP_TYPE, videoBody } from "#test/helpers/rtmp-bytes.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { until } from "#test/helpers/until.ts";
import type { IngestLimits } from "../admission/limits.ts";
import { createIngestServer, type IngestServer } from "./server.ts";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A server that accepts everybody and counts what arrives. */
async function start(limits: Partial<IngestLimits> = {}) {
  const seen = { tags: 0, ends: 0 };
  const server = createIngestServer({
    host: "127.0.0.1",
    port: 0,
    app: "streaming",
    limits,
    log: silentLogger,
    onPublish: () =>
      Promise.resolve({
        isAccepted: true,
        sink: {
          onStart: () => {},
          onTag: () => void (seen.tags += 1),
          onEnd: () => void (seen.ends += 1),
        },
      }),
  });
  await server.start();
  stops.push(() => server.stop());
  return { server, seen };
}

async function openMany(server: IngestServer, count: number): Promise<RtmpClient[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => RtmpClient.open({ port: server.port })),
  );
  stops.push(() => clients.forEach((client) => client.destroy()));
  return clients;
}

async function publishTimed(server: IngestServer) {
  const startedAtMs = performance.now();
  const { client, status } = await RtmpClient.publish({ port: server.port, streamKey: "sk_a" });
  stops.push(() => client.destroy());
  expect(status.code).toBe("NetStream.Publish.Start");
  return { client, tookMs: performance.now() - startedAtMs };
}

describe("createIngestServer under abuse", () => {
  test(
    "300 silent or byte-a-second connections are gone in 12 s, a publisher starts in 1 s",
    async () => {
      const { server, seen } = await start();
      const clients = await openMany(server, 300);
      const openedAtMs = performance.now();
      const dripping = clients.filter((_client, i) => i % 2 === 0);
      dripping.forEach((client) => client.sendRaw(Uint8Array.of(3)));
      const drip = setInterval(() => {
        dripping.forEach((client) => client.isClosed || client.sendRaw(Uint8Array.of(0)));
      }, 1000);
      stops.push(() => clearInterval(drip));
      const { client, tookMs } = await publishTimed(server);
      expect(tookMs).toBeLessThan(1000);
      const play = setInterval(() => client.sendVideo(performance.now(), videoBody(200)), 500);
      stops.push(() => clearInterval(play));
      await until(() => clients.every((silent) => silent.isClosed), 15_000);
      expect(performance.now() - openedAtMs).toBeLessThan(12_000);
      expect([server.connections, server.publishers, seen.ends]).toEqual([1, 1, 0]);
      expect(seen.tags).toBeGreaterThan(5);
    },
    20_000,
  );

  test("a flood of the smallest messages is cut after a few, however much is read at once", async () => {
    const { server, seen } = await start({ maxMessagesPerSecond: 1 });
    const { client } = await publishTimed(server);
    const first = messageBytes({ type: RTMP_TYPE.audio, payload: Uint8Array.of(1), streamId: 1 });
    // A chunk without a header of its own: a message in two bytes.
    const next = new Array(500_000).fill([0xc3, 1]).flat();
    client.sendRaw(Buffer.concat([first, Uint8Array.from(next)]));
    await client.closed();
    expect(seen.ends).toBe(1);
    expect(seen.tags).toBeLessThan(9000);
  });

  test("a pending list full of silent sockets makes room for a publisher", async () => {
    const { server } = await start({ maxPending: 10 });
    const clients = await openMany(server, 30);
    await until(() => clients.filter((client) => client.isClosed).length >= 20, 2000);
    expect(server.connections).toBeLessThanOrEqual(10);
    const { tookMs } = await publishTimed(server);
    expect(tookMs).toBeLessThan(1000);
    expect(clients.at(-1)?.isClosed).toBe(false); // the newest ones stay
  });

  test("caps connections per address and in all, never at a publisher's cost", async () => {
    const { server, seen } = await start({ maxConnections: 4, maxConnectionsPerAddress: 4 });
    for (let i = 0; i < 4; i += 1) await publishTimed(server);
    const [refused] = await openMany(server, 1);
    await refused?.closed(2000);
    expect([server.connections, server.publishers, seen.ends]).toEqual([4, 4, 0]);
  });

  test("a connection that dawdles over its handshake or commands is dropped", async () => {
    const { server } = await start({ publishDeadlineMs: 200 });
    const [silent, halfway, connected] = await openMany(server, 3);
    halfway?.sendRaw(handshakeBytes().subarray(0, 900));
    connected?.sendRaw(handshakeBytes());
    for (const client of [silent, halfway, connected]) await client?.closed(2000);
    expect(server.connections).toBe(0);
  });

  test("noise of other protocols ends its own connection at once", async () => {
    const { server, seen } = await start();
    const { client } = await publishTimed(server);
    const noises = [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01",
      "SSH-2.0-x\r\n",
    ];
    const clients = await openMany(server, noises.length);
    noises.forEach((noise, i) => clients[i]?.sendRaw(Buffer.from(noise, "latin1")));
    for (const noisy of clients) await noisy.closed(500);
    client.sendVideo(0, videoBody(100));
    await until(() => seen.tags === 1, 1000);
  });
});
