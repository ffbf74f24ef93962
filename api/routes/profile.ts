/**
 * The signed-in user's own account, and everybody's public profile.
 */
import { type Context, Hono } from "hono";
import * as z from "zod";
import { changePassword } from "#db/sessions.ts";
import { findPasswordHash, findUser, listUsers, updateUser, type User } from "#db/users.ts";
import {
  type ProfileChanges,
  profileChangesSchema,
  type UserBody,
  userBodySchema,
} from "#shared/contracts/accounts.ts";
import { AppError } from "#shared/errors.ts";
import { requireUser } from "../auth/auth.ts";
import { fitPassword } from "../auth/password.ts";
import type { ApiEnv, Deps, PublicUrls } from "../deps.ts";
import { renderImage } from "../http/image-body.ts";
import { describe } from "../http/openapi.ts";
import { linkNext, pageQuerySchema, toPage } from "../http/paging.ts";
import { zv } from "../http/validate.ts";

const READ = {
  summary: "Your profile",
  tag: "user",
  access: "user",
  answers: { 200: userBodySchema },
} as const;
const CHANGE = {
  summary: "Change your profile or password; a new password ends every other session",
  tag: "user",
  access: "user",
  answers: { 200: userBodySchema },
  takes: "json",
  refuses: ["USERNAME_TAKEN", "FORBIDDEN", "RATE_LIMITED"],
} as const;

/** `/user`, also at `/user/profile` */
export function profileRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  return new Hono<ApiEnv>()
    .get("/", describe(READ), signedIn, async (c) => c.json(await readProfile(deps, c), 200))
    .get("/profile", describe(READ), signedIn, async (c) => c.json(await readProfile(deps, c), 200))
    .patch(
      "/",
      describe(CHANGE),
      signedIn,
      zv("json", profileChangesSchema),
      async (c) => c.json(await changeProfile(deps, c, c.req.valid("json")), 200),
    )
    .patch(
      "/profile",
      describe(CHANGE),
      signedIn,
      zv("json", profileChangesSchema),
      async (c) => c.json(await changeProfile(deps, c, c.req.valid("json")), 200),
    );
}

/** `/users` */
export function userRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .get(
      "/",
      describe({
        summary: "Users, newest first",
        tag: "public",
        access: "public",
        answers: { 200: z.array(userBodySchema) },
        isPaged: true,
      }),
      zv("query", pageQuerySchema),
      async (c) => {
        const users = await listUsers(deps.db, toPage(c.req.valid("query")));
        linkNext(c, deps.urls, users);
        return c.json(users.items.map((user) => renderUser(deps.urls, user)), 200);
      },
    )
    .get(
      "/:id",
      describe({
        summary: "A user",
        tag: "public",
        access: "public",
        answers: { 200: userBodySchema },
        refuses: ["NOT_FOUND"],
      }),
      zv("param", z.object({ id: z.uuid() })),
      async (c) => {
        const user = await findUser(deps.db, c.req.valid("param").id);
        if (user === undefined) throw new AppError("NOT_FOUND", "there is no such user");
        return c.json(renderUser(deps.urls, user), 200);
      },
    );
}

async function readProfile(deps: Deps, c: Context<ApiEnv>): Promise<UserBody> {
  return renderOwn(deps.urls, await findUser(deps.db, c.get("user").userId));
}

async function changeProfile(
  deps: Deps,
  c: Context<ApiEnv>,
  changes: ProfileChanges,
): Promise<UserBody> {
  const { userId } = c.get("user");
  const { password, current_password: currentPassword, username } = changes;
  if (password !== undefined && currentPassword !== undefined) {
    await replacePassword(deps, c, { password, currentPassword });
  }
  const profile = { username, firstName: changes.first_name, lastName: changes.last_name };
  return renderOwn(deps.urls, await updateUser(deps.db, userId, profile));
}

async function replacePassword(
  deps: Deps,
  c: Context<ApiEnv>,
  { password, currentPassword }: { password: string; currentPassword: string },
): Promise<void> {
  const { userId, sessionId } = c.get("user");
  const phc = await findPasswordHash(deps.db, userId);
  const address = deps.remoteAddress(c.req.raw, c.env);
  const isRight = await deps.loginAttempts.run(
    `${userId} ${address}`,
    async () =>
      phc !== undefined && await fitPassword(deps.passwords, phc, currentPassword) !== "none",
  );
  if (!isRight) throw new AppError("FORBIDDEN", "the current password is wrong");
  const ended = await changePassword(deps.db, {
    userId,
    passwordHash: await deps.passwords.hash(password),
    keptSessionId: sessionId,
    now: deps.clock(),
  });
  for (const id of ended) deps.tokens.revokeSession(id);
  deps.log.info("user.password_changed", { userId, endedSessions: ended.length });
}

function renderOwn(urls: PublicUrls, user: User | undefined): UserBody {
  if (user === undefined) throw new AppError("INVALID_TOKEN", "the token's user is gone");
  return renderUser(urls, user);
}

function renderUser(urls: PublicUrls, user: User): UserBody {
  return {
    id: user.id,
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
    picture: user.picture === null ? null : renderImage(urls, "profile-picture", user.picture),
    createdAt: user.createdAt.toISOString(),
  };
}
