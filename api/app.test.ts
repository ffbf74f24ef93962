import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

test("createApp() walks the contract's journey", async () => {
  const json = { username: "Ada", password: "correct horse", first_name: "Ada" };
  const signup = await app.send<{ id: string }>("POST", "/auth/signup", { json });
  expect(signup).toMatchObject({
    status: 201,
    body: { username: "Ada", first_name: "Ada", last_name: null },
  });
  const login = await app.send<{ accessToken: string }>("POST", "/auth/login", {
    json: { username: "ada", password: "correct horse" },
  });
  expect(login.status).toBe(201);
  const token = login.body.accessToken;

  for (const path of ["/user", "/user/", "/user/profile"]) {
    const profile = await app.send("GET", path, { token });
    expect(profile).toMatchObject({ status: 200, body: { id: signup.body.id, picture: null } });
  }

  expect((await app.send("GET", "/user/channel", { token })).status).toBe(404);
  const channel = await app.send<{ id: string; streamKey: string }>("POST", "/user/channel", {
    token,
  });
  expect(channel).toMatchObject({
    status: 201,
    body: { status: "IDLE", userId: signup.body.id, ingestUrl: "rtmp://localhost:1935/streaming" },
  });
  expect(channel.body.streamKey).toMatch(/^sk_[a-z0-9]{32}$/);
  expect(await app.send("GET", "/user/channel", { token })).toMatchObject({
    status: 200,
    body: channel.body,
  });
  expect(await app.send("POST", "/user/channel", { token })).toMatchObject({
    status: 409,
    body: { code: "CHANNEL_EXISTS" },
  });

  const video = await app.send<{ id: string; url: string }>("POST", "/user/channel/videos/", {
    token,
    json: { title: "  First show " },
  });
  expect(video).toMatchObject({
    status: 201,
    body: {
      title: "First show",
      thumbnail: null,
      status: "CREATED",
      channelId: channel.body.id,
      playbackUrl: `http://localhost:8080/hls-live/${video.body.url}.m3u8`,
    },
  });
  expect(video.body.url).toMatch(/^[a-z0-9]{12}$/);

  const publicVideo = await app.send("GET", `/videos/${video.body.url}`);
  expect(publicVideo).toMatchObject({ status: 200, body: video.body });
  const publicChannel = await app.send("GET", `/channel/${channel.body.id}`);
  expect(publicChannel.body).toMatchObject({ username: "Ada", status: "IDLE" });
  expect(JSON.stringify(publicChannel.body)).not.toContain("streamKey");
  const path = `/channel/${channel.body.id}/videos`;
  expect((await app.send<unknown[]>("GET", path)).body).toEqual([video.body]);
  expect((await app.send("GET", `${path}/${video.body.id}`)).body).toEqual(video.body);
});
