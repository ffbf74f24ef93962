import { describeBoot } from "../boot.ts";

describeBoot("Bun", [process.execPath, "api/main.ts"]);
