/**
 * The demo's account, channel and video, made through the API like anybody's.
 */
import * as z from "zod";
import { randomName } from "#shared/ids.ts";

const loginSchema = z.object({ accessToken: z.string() });
const channelSchema = z.object({ streamKey: z.string() });
const videoSchema = z.object({
  id: z.string(),
  url: z.string(),
  status: z.enum(["CREATED", "RUNNING", "ENDED"]),
  playbackUrl: z.string(),
});

export type Credentials = { readonly username: string; readonly password: string };

export type DemoVideo = z.output<typeof videoSchema>;

export type DemoChannel = {
  readonly credentials: Credentials;
  readonly streamKey: string;
  readonly video: DemoVideo;
};

/** The API answered something else than the demo needs. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}

type Session = { readonly apiUrl: string; readonly token: string | null };
type Answer = { readonly status: number; readonly body: unknown };

const DEADLINE_MS = 20_000;
const TITLE = "Test pattern";

/** New credentials for a demo account. */
export function makeCredentials(): Credentials {
  return { username: `demo_${randomName(6)}`, password: randomName(20) };
}

/**
 * Signs the demo account in (and up, the first time), makes sure it has a channel, deletes the videos
 * of earlier runs and makes a fresh one: a demo never fills the disk.
 * @throws DemoError
 */
export async function prepareDemo(apiUrl: string, credentials: Credentials): Promise<DemoChannel> {
  const token = await logIn({ apiUrl, token: null }, credentials);
  const session = { apiUrl, token };
  const streamKey = await findOrMakeChannel(session);
  for (const video of await listVideos(session)) {
    if (video.status !== "RUNNING") {
      await ask(session, "DELETE", `/user/channel/videos/${video.id}`);
    }
  }
  const made = await ask(session, "POST", "/user/channel/videos", { title: TITLE });
  const video = videoSchema.parse(expectStatus("a video", made, 201));
  return { credentials, streamKey, video };
}

async function logIn(session: Session, credentials: Credentials): Promise<string> {
  const first = await ask(session, "POST", "/auth/login", credentials);
  if (first.status === 201) return loginSchema.parse(first.body).accessToken;
  expectStatus("signing up", await ask(session, "POST", "/auth/signup", credentials), 201);
  const second = await ask(session, "POST", "/auth/login", credentials);
  return loginSchema.parse(expectStatus("logging in", second, 201)).accessToken;
}

async function findOrMakeChannel(session: Session): Promise<string> {
  const found = await ask(session, "GET", "/user/channel");
  if (found.status === 200) return channelSchema.parse(found.body).streamKey;
  const made = await ask(session, "POST", "/user/channel");
  return channelSchema.parse(expectStatus("a channel", made, 201)).streamKey;
}

async function listVideos(session: Session): Promise<readonly DemoVideo[]> {
  const listed = await ask(session, "GET", "/user/channel/videos?limit=100");
  return z.array(videoSchema).parse(expectStatus("the videos", listed, 200));
}

async function ask(
  session: Session,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(new URL(path, session.apiUrl), {
    method,
    headers: {
      ...(session.token === null ? {} : { authorization: `Bearer ${session.token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) as unknown };
}

function expectStatus(what: string, answer: Answer, status: number): unknown {
  if (answer.status === status) return answer.body;
  const detail = JSON.stringify(answer.body)?.slice(0, 300);
  throw new DemoError(`the demo asked for ${what} and got ${answer.status}: ${detail}`);
}
