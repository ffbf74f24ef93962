import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, type Session, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
let session: Session;
beforeAll(async () => {
  app = await createTestApp();
  session = await app.signIn("pager");
  await app.send("POST", "/user/channel", session);
});
afterAll(() => app.close());

test("lists are newest first, in pages that the Link header chains", async () => {
  const { token } = session;
  const made: string[] = [];
  for (let index = 0; index < 7; index += 1) {
    const json = { title: `Video ${index}` };
    const video = await app.send<{ id: string }>("POST", "/user/channel/videos", { token, json });
    made.unshift(video.body.id);
  }
  for (const path of ["/videos", "/user/channel/videos"]) {
    const seen: string[][] = [];
    let next: string | undefined = `${path}?limit=3&status=CREATED`;
    while (next !== undefined) {
      const page: { headers: Headers; body: { id: string }[] } = await app.send("GET", next, {
        token,
      });
      seen.push(page.body.map(({ id }) => id));
      const link: string | null = page.headers.get("link");
      next = link === null
        ? undefined
        : /^<http:\/\/localhost:8000(.+)>; rel="next"$/.exec(link)?.[1];
      if (next !== undefined) expect(next).toContain("status=CREATED");
    }
    expect(seen.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(seen.flat()).toEqual(made);
  }
});

test("a page that holds the last item has no next one", async () => {
  const users = await app.send<unknown[]>("GET", "/users?limit=1");
  expect(users.body).toHaveLength(1);
  expect(users.headers.get("link")).toBeNull();
});
