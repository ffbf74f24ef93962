import { findDeno } from "../../gate/programs.ts";
import { describeBoot } from "../boot.ts";

describeBoot("Deno", [findDeno(), "run", "-A", "api/main.ts"]);
