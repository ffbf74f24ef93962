import "reflect-metadata";
import { Module, ValidationPipe } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { JwtModule } from "@nestjs/jwt";
import { ChannelController, ControlController } from "./controllers.js";
import { PrismaService } from "./prisma.service.js";
import { PublishService } from "./publish.service.js";
import { settings } from "./settings.js";

@Module({
  imports: [JwtModule.register({})],
  controllers: [ChannelController, ControlController],
  providers: [PrismaService, PublishService],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
app.enableShutdownHooks();
await app.listen(settings.port, "127.0.0.1");
console.log(JSON.stringify({ port: settings.port }));
