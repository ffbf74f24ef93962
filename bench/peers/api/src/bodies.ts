import { IsIP, IsOptional, IsString, IsUUID, Length, MaxLength } from "class-validator";

export class NewVideoBody {
  @IsString()
  @Length(3, 150)
  title!: string;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;
}

export class AuthoriseBody {
  @IsString()
  @Length(1, 100)
  nodeId!: string;

  @IsUUID()
  nodeInstanceId!: string;

  @IsUUID()
  publisherId!: string;

  @IsString()
  @Length(1, 256)
  streamKey!: string;

  @IsIP()
  remoteAddress!: string;
}
