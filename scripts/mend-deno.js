/**
 * The npm package `deno` links its binary into `node_modules/.bin`, where `deno task` takes every
 * entry for JavaScript and fails. Its own wrapper script serves `npx deno` and `deno task` alike.
 */
import { lstatSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const bin = join(dirname(import.meta.dirname), "node_modules", ".bin", "deno");
const isLink = lstatSync(bin, { throwIfNoEntry: false })?.isSymbolicLink() === true;
if (isLink && readlinkSync(bin) === "../deno/deno") {
  rmSync(bin);
  symlinkSync("../deno/bin.cjs", bin);
}
