// Validates JSON files by a schema with Ajv, in its strict mode: ajv.mjs PACKAGES SCHEMA FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, schema, ...files] = process.argv.slice(2);
const require = createRequire(join(packages, "node_modules", "-"));
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

const ajv = new Ajv({ strict: true, allErrors: true });
addFormats(ajv); // "full": date-time and uuid are checked, and an unknown format is an error
const validate = ajv.compile(JSON.parse(readFileSync(schema, "utf8")));
for (const file of files) {
  if (!validate(JSON.parse(readFileSync(file, "utf8")))) {
    console.log(file, ajv.errorsText(validate.errors, { separator: "\n  " }));
    process.exitCode = 1;
  }
}
