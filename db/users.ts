/**
 * Users: accounts, their profiles and what logs them in.
 */
import type { Kysely } from "kysely";
import type { ImageVariant } from "#shared/contracts/control.ts";
import { AppError } from "#shared/errors.ts";
import { newId } from "#shared/ids.ts";
import { isUniqueViolation } from "./errors.ts";
import { type Page, type Paged, toPaged } from "./page.ts";
import type { Database, ImageStatus } from "./schema.ts";

/** An image as it hangs on a user or a video. */
export type AttachedImage = {
  readonly id: string;
  readonly version: number;
  readonly status: ImageStatus;
  readonly variants: readonly ImageVariant[] | null;
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
};

export type User = {
  readonly id: string;
  readonly username: string;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly createdAt: Date;
  readonly picture: AttachedImage | null;
};

export type NewUser = {
  readonly username: string;
  readonly passwordHash: string;
  readonly firstName: string | null;
  readonly lastName: string | null;
};

/** What makes two usernames the same: compatibility forms and case do not count. */
export function usernameKey(username: string): string {
  return username.normalize("NFKC").toLowerCase();
}

/** Whether somebody has `username` already, whatever its case. */
export async function isUsernameTaken(db: Kysely<Database>, username: string): Promise<boolean> {
  const row = await db.selectFrom("users").select("id")
    .where("username_key", "=", usernameKey(username)).executeTakeFirst();
  return row !== undefined;
}

/** A new user's id. @throws AppError USERNAME_TAKEN */
export async function insertUser(db: Kysely<Database>, user: NewUser): Promise<string> {
  const id = newId();
  try {
    await db.insertInto("users").values({
      id,
      username: user.username,
      username_key: usernameKey(user.username),
      password_hash: user.passwordHash,
      first_name: user.firstName,
      last_name: user.lastName,
    }).execute();
    return id;
  } catch (error) {
    throw translateTaken(error, user.username);
  }
}

export type Credentials = { readonly id: string; readonly passwordHash: string };

/** What a login is checked against. */
export async function findCredentials(
  db: Kysely<Database>,
  username: string,
): Promise<Credentials | undefined> {
  return await db.selectFrom("users").select(["id", "password_hash as passwordHash"])
    .where("username_key", "=", usernameKey(username)).executeTakeFirst();
}

/** Another hash of the same password, unless the password was changed since `old` was read. */
export async function renewPasswordHash(
  db: Kysely<Database>,
  old: Credentials,
  passwordHash: string,
): Promise<void> {
  await db.updateTable("users").set({ password_hash: passwordHash })
    .where("id", "=", old.id).where("password_hash", "=", old.passwordHash).execute();
}

/** The password hash of a user. */
export async function findPasswordHash(
  db: Kysely<Database>,
  userId: string,
): Promise<string | undefined> {
  const row = await db.selectFrom("users").select("password_hash as passwordHash")
    .where("id", "=", userId).executeTakeFirst();
  return row?.passwordHash;
}

/** A user with the newest picture. */
export async function findUser(db: Kysely<Database>, userId: string): Promise<User | undefined> {
  const row = await selectUsers(db).where("u.id", "=", userId).executeTakeFirst();
  return row === undefined ? undefined : toUser(row);
}

/** A page of all users. */
export async function listUsers(db: Kysely<Database>, page: Page): Promise<Paged<User>> {
  const rows = await selectUsers(db)
    .$if(page.after !== null, (query) => query.where("u.id", "<", page.after ?? ""))
    .orderBy("u.id", "desc").limit(page.limit + 1).execute();
  return toPaged(rows.map(toUser), page);
}

export type UserChanges = {
  readonly username?: string;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
};

/** Applies `changes` and returns the user as it is then. @throws AppError USERNAME_TAKEN */
export async function updateUser(
  db: Kysely<Database>,
  userId: string,
  changes: UserChanges,
): Promise<User | undefined> {
  const { username, firstName, lastName } = changes;
  try {
    await db.updateTable("users").set({
      ...(username === undefined ? {} : { username, username_key: usernameKey(username) }),
      ...(firstName === undefined ? {} : { first_name: firstName }),
      ...(lastName === undefined ? {} : { last_name: lastName }),
      updated_at: new Date(),
    }).where("id", "=", userId).execute();
  } catch (error) {
    throw translateTaken(error, username ?? "");
  }
  return await findUser(db, userId);
}

function selectUsers(db: Kysely<Database>) {
  return db.selectFrom("users as u").leftJoin("images as i", "i.id", "u.picture_id").select([
    "u.id",
    "u.username",
    "u.first_name as firstName",
    "u.last_name as lastName",
    "u.created_at as createdAt",
    "i.id as imageId",
    "i.version",
    "i.status",
    "i.variants",
    "i.failure_code as failureCode",
    "i.failure_detail as failureDetail",
  ]);
}

type UserRow = Awaited<ReturnType<ReturnType<typeof selectUsers>["execute"]>>[number];

function toUser(row: UserRow): User {
  const { id, username, firstName, lastName, createdAt } = row;
  return { id, username, firstName, lastName, createdAt, picture: toAttachedImage(row) };
}

type JoinedImage = {
  readonly imageId: string | null;
  readonly version: number | null;
  readonly status: ImageStatus | null;
  readonly variants: readonly ImageVariant[] | null;
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
};

/** The image of a left join, or null where there was none. */
export function toAttachedImage(row: JoinedImage): AttachedImage | null {
  const { imageId, version, status, variants, failureCode, failureDetail } = row;
  if (imageId === null || version === null || status === null) return null;
  return { id: imageId, version, status, variants, failureCode, failureDetail };
}

function translateTaken(error: unknown, username: string): unknown {
  return isUniqueViolation(error, "users_username_key_unique")
    ? new AppError("USERNAME_TAKEN", `the username ${username} is taken`, { cause: error })
    : error;
}
