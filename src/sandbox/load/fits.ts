/** Whether a plugin is asked about something; where it is not, it costs nothing. */
import { compileGlob, toLooseUri } from "../../core/index.ts";
import type { LoadedPlugin } from "../road-face.ts";

export interface PluginMatch {
  readonly on?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
}

type Fits = LoadedPlugin["fits"];
type Test = (text: string) => boolean;

/**
 * Each of them has to fit; one that says nothing does. Attack: another spelling of a URI, which a
 * server takes for the same, goes past a plugin that guards it; so a loose match is enough, as it is
 * for rules. What has no name, as a list, is asked about where some name of the upstream could fit.
 */
export function createFits(matches: readonly PluginMatch[]): Fits {
  const tests = matches.map(toFits);
  return (about) => tests.every((fits) => fits(about));
}

function toFits({ on, methods }: PluginMatch): Fits {
  const targets = on?.map(toTarget);
  const asked = methods?.map(compileGlob);
  return ({ method, upstream, name }) => {
    if (asked !== undefined && !asked.some((test) => test(method))) return false;
    if (targets === undefined) return true;
    const loose = name === undefined ? undefined : toLooseUri(name);
    return targets.some(
      (target) =>
        target.upstream(upstream) &&
        (name === undefined || target.name(name) || target.loose(loose ?? name)),
    );
  };
}

interface Target {
  readonly upstream: Test;
  readonly name: Test;
  /** For a name whose spelling was loosened too. */
  readonly loose: Test;
}

/** The halves are matched apart, as policy does it. */
function toTarget(pattern: string): Target {
  const slash = pattern.indexOf("/");
  if (slash === -1) return { upstream: all, name: all, loose: all };
  const name = pattern.slice(slash + 1);
  return {
    upstream: compileGlob(pattern.slice(0, slash)),
    name: compileGlob(name),
    loose: compileGlob(toLooseUri(name)),
  };
}

const all: Test = () => true;
