import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";
import type { ChannelBody } from "#shared/contracts/channels.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createTestApp, type TestApp } from "#test/helpers/app.ts";
import { type Client, createClient } from "./client.ts";

let app: TestApp;
let client: Client;
let accessToken: string | undefined;
beforeAll(async () => {
  app = await createTestApp();
  const fetchApp = (input: RequestInfo | URL, init?: RequestInit) =>
    app.request(String(input), init);
  client = createClient("http://localhost", {
    accessToken: () => accessToken,
    fetch: Object.assign(fetchApp, { preconnect: () => {} }),
  });
});
afterAll(() => app.close());

test("createClient() calls the routes with their types", async () => {
  const json = { username: "client", password: "client-password" };
  const signup = await client.auth.signup.$post({ json });
  expect(signup.status).toBe(201);
  const login = await client.auth.login.$post({ json });
  const tokens = await login.json();
  expectTypeOf(tokens).toEqualTypeOf<{ accessToken: string; refreshToken: string }>();
  accessToken = tokens.accessToken;

  const channel = await (await client.user.channel.$post()).json();
  expectTypeOf(channel).toEqualTypeOf<ChannelBody>();
  const created = await client.user.channel.videos.$post({ json: { title: "Typed" } });
  const video = await created.json();
  expectTypeOf(video).toEqualTypeOf<VideoBody>();
  expect(video).toMatchObject({ title: "Typed", channelId: channel.id });

  const list = await client.channel[":id"].videos.$get({
    param: { id: channel.id },
    query: { limit: "5", status: "CREATED" },
  });
  const videos = await list.json();
  expectTypeOf(videos).toEqualTypeOf<VideoBody[]>();
  expect(videos).toEqual([video]);

  const rotated = await client.user.channel.streamKey.$patch({ json: { disconnect: true } });
  expect((await rotated.json()).streamKey).not.toBe(channel.streamKey);
  const refreshed = await client.auth.refresh.$post({
    json: { refreshToken: tokens.refreshToken },
  });
  expect(refreshed.status).toBe(201);
});

test("createClient() refuses what no route takes", () => {
  // @ts-expect-error -- a title is required
  void (() => client.user.channel.videos.$post({ json: {} }));
  // @ts-expect-error -- there is no such route
  void (() => client.user.nothing.$get());
  expect(typeof client.user.$get).toBe("function");
});
