import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from "@nestjs/common";
import { JwtService } from "@nestjs/jwt";
import type { Request } from "express";
import { isServiceToken } from "./keys.js";
import { settings } from "./settings.js";

type Claims = { readonly sub: string; readonly typ: string };
type SignedInRequest = Request & { user?: Claims };

function readBearer(request: Request): string {
  const [type, token] = request.headers.authorization?.split(" ") ?? [];
  if (type !== "Bearer" || token === undefined) throw new UnauthorizedException();
  return token;
}

@Injectable()
export class JwtGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    try {
      request.user = await this.jwt.verifyAsync<Claims & object>(readBearer(request), {
        secret: settings.accessKey,
        algorithms: ["HS256"],
        issuer: "sluice",
        audience: "sluice-api",
      });
    } catch {
      throw new UnauthorizedException();
    }
    if (request.user.typ !== "access") throw new UnauthorizedException();
    return true;
  }
}

@Injectable()
export class ServiceGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (isServiceToken(readBearer(context.switchToHttp().getRequest<Request>()))) return true;
    throw new UnauthorizedException();
  }
}

export const UserId = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { user } = context.switchToHttp().getRequest<SignedInRequest>();
  if (user === undefined) throw new UnauthorizedException();
  return user.sub;
});
