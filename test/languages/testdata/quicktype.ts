import { readFileSync } from "node:fs";
import { Convert } from "./snapshot.js";

for (const path of process.argv.slice(2)) {
  const snapshot = Convert.toSnapshot(readFileSync(path, "utf8"));
  console.log(snapshot.schema_version, snapshot.generation, snapshot.targets.length);
}
