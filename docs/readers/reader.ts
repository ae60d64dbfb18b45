// Reads snapshots of refresh-sidecar with Node's own modules alone. README.md beside this file says what a reader has to do.
//
//   node reader.ts --follow FILE    looks at a file again and again, and prints what is new
//   node reader.ts FILE...          looks at these files as if each had taken the place of the one before it; -- begins anew
//
// Node runs this file as it stands from 22.18 on; for older ones tsc makes JavaScript of it.
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

const limit = 64 << 20; // bytes; no sidecar writes more
const poll = 5000; // milliseconds

interface Target { name: string; type: string; url: string; format: string; enabled: boolean; headers: Record<string, string> }
interface Snapshot { schema_version: number; epoch: string; generation: number; checksum: string; targets: Target[] }
interface Result { outcome: "accept" | "keep" | "refuse"; reason?: string; generation?: number; targets?: number; digest?: string }

// A file that must not be accepted; the message is the reason.
class Refused extends Error {}

function read(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // O_NONBLOCK: opening a FIFO would wait for its writer
  } catch (error) {
    throw new Refused((error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "io");
  }
  try {
    const info = fstatSync(file);
    if (!info.isFile()) throw new Refused("not_regular");
    if (info.size > limit) throw new Refused("too_large");
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

const sha256 = (text: string, encoding: BufferEncoding): string => createHash("sha256").update(text, encoding).digest("hex");

// The checksum of the raw lines. Targets that JSON.stringify writes again are other bytes: 1.10 becomes 1.1, and the key "10" comes first.
function checksum(data: Buffer): string {
  const text = data.toString("latin1"); // a character for each byte
  const [, rest] = text.split('\n  "targets": [', 2);
  const end = rest?.startsWith("],\n") ? 0 : rest?.indexOf("\n  ],\n");
  if (rest === undefined || end === undefined || end < 0) throw new Refused("schema");
  return "sha256:" + sha256("[" + rest.slice(0, end).replaceAll("\n    ", "") + "]", "latin1");
}

function decode(data: Buffer): Snapshot {
  let snapshot: Snapshot;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data); // ignoreBOM leaves the mark in the text
    if (text.trim() === "") throw new Refused("empty");
    snapshot = JSON.parse(text);
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("syntax");
  }
  const version = snapshot?.schema_version;
  if (!Number.isInteger(version) || version < 1) throw new Refused("schema");
  if (version > 1) throw new Refused("unsupported_version");
  if (snapshot.checksum !== checksum(data)) throw new Refused("checksum");
  const { epoch, generation, targets } = snapshot;
  if (typeof epoch !== "string" || !Number.isInteger(generation) || targets.some((target, i) => i > 0 && target.name <= targets[i - 1]!.name)) {
    throw new Refused("schema");
  }
  return snapshot;
}

// Keeps the snapshot that was accepted last.
class Reader {
  held: Snapshot | undefined;

  // Looks at the file once, and returns what came of it.
  look(path: string): Result {
    let result: Result;
    try {
      const next = decode(read(path)), held = this.held;
      if (held && next.epoch === held.epoch && (next.generation < held.generation ||
          next.generation === held.generation && next.checksum !== held.checksum)) {
        throw new Refused("rollback");
      }
      this.held = next;
      result = { outcome: "accept" };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      result = { outcome: this.held ? "keep" : "refuse", reason: error.message };
    }
    const held = this.held;
    return held ? { ...result, generation: held.generation, targets: held.targets.length, digest: digest(held) } : result;
  }
}

// The digest by which the kit sees that the targets were read right.
function digest(snapshot: Snapshot): string {
  let text = "";
  for (const target of snapshot.targets) {
    text += `${target.name} ${target.type} ${target.url} ${target.format} ${target.enabled}\n`;
    for (const name of Object.keys(target.headers).sort()) text += `${name}: ${target.headers[name]}\n`;
  }
  return sha256(text, "utf8");
}

function follow(path: string): void {
  const reader = new Reader();
  let last = "";
  const look = (): void => {
    const line = JSON.stringify(reader.look(path));
    if (line !== last) console.log(line);
    last = line;
  };
  try { // the directory: a watch of the file would stay with the first one
    watch(dirname(path), (_, name) => { if (name === null || name === basename(path)) look(); }).on("error", () => {});
  } catch { /* no inotify instance is left: polls find everything, later */ }
  setInterval(look, poll);
  look();
}

const [first = "", ...rest] = process.argv.slice(2);
if (first === "--follow" && rest[0] !== undefined) {
  follow(rest[0]);
} else {
  let reader = new Reader();
  for (const path of process.argv.slice(2)) {
    if (path === "--") reader = new Reader();
    else console.log(JSON.stringify(reader.look(path)));
  }
}
