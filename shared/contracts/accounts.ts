/**
 * Accounts over HTTP: sign-up, login, profile.
 */
import * as z from "zod";
import { imageBodySchema } from "./images.ts";
import { lineSchema, linesSchema } from "./text.ts";

const usernameSchema = z.string().regex(
  /^[^\s\p{C}]{3,20}$/u,
  "expected 3 to 20 characters without spaces",
);
/** One key gives other code points on other systems (NFC, NFD, full width): passwords are hashed in this form. */
export const PASSWORD_FORM = "NFKC";
const passwordSchema = z.string().normalize(PASSWORD_FORM).min(8).max(64);
/**
 * As it was typed: what was hashed before passwords had one form is found by it. 64 characters in
 * normal form come from at most 512 UTF-16 units, four for each and twice as many beyond the BMP.
 */
const typedPasswordSchema = z.string().min(1).max(512);
const nameSchema = lineSchema(3, 20);

export const signupRequestSchema = z.strictObject({
  username: usernameSchema,
  password: passwordSchema,
  first_name: nameSchema.nullish(),
  last_name: nameSchema.nullish(),
}).meta({ id: "SignupRequest" });
export type SignupRequest = z.infer<typeof signupRequestSchema>;

export const accountBodySchema = z.object({
  id: z.uuid(),
  username: z.string(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
}).meta({ id: "Account" });
export type AccountBody = z.infer<typeof accountBodySchema>;

/** Bounded, but not by the rules of a new account: those must not tell which names can exist. */
export const loginRequestSchema = z.strictObject({
  username: linesSchema(100).min(1),
  password: typedPasswordSchema,
}).meta({ id: "LoginRequest" });
export type LoginRequest = z.infer<typeof loginRequestSchema>;

export const tokenPairSchema = z.object({
  accessToken: z.string().describe("A JWT, good for 20 minutes"),
  refreshToken: z.string().describe("Good for 7 days and for one use"),
}).meta({ id: "TokenPair" });
export type TokenPair = z.infer<typeof tokenPairSchema>;

/** The body is only needed where there are no cookies. */
export const refreshRequestSchema = z.strictObject({
  refreshToken: z.string().min(1).max(2048).optional(),
}).meta({ id: "RefreshRequest" });
export type RefreshRequest = z.infer<typeof refreshRequestSchema>;

/** A user as everybody sees it. */
export const userBodySchema = accountBodySchema.extend({
  picture: imageBodySchema.nullable(),
  createdAt: z.iso.datetime(),
}).meta({ id: "User" });
export type UserBody = z.infer<typeof userBodySchema>;

export const profileChangesSchema = z.strictObject({
  username: usernameSchema.optional(),
  first_name: nameSchema.nullish(),
  last_name: nameSchema.nullish(),
  password: passwordSchema.optional().describe("A new password; ends every other session"),
  current_password: typedPasswordSchema.optional().describe("Needed for a new password"),
}).refine((changes) => changes.password === undefined || changes.current_password !== undefined, {
  path: ["current_password"],
  message: "expected the current password along with a new one",
}).meta({ id: "ProfileChanges" });
export type ProfileChanges = z.infer<typeof profileChangesSchema>;
