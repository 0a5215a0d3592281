#!/usr/bin/env node
/** The program: hands the command line over, and ends with the command's exit code. */
import process from "node:process";
import { runCli } from "./cli/index.ts";

const code = await runCli(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;
