/**
 * The upstreams' real names and arguments, as `gateway.types.d.ts` declares them, for the compiler:
 * a pattern, an argument or a value that can match nothing is an error while it is written.
 */
import type { JsonValue } from "./json-value.ts";
import type { InputGrant } from "./input-grant.ts";
import type { ConditionConfig, TestConfig } from "./schema.ts";
import type { WhenFacts } from "./when.ts";

/**
 * Empty until `mcp-gw types` has written `gateway.types.d.ts`, which adds `upstreams` to it: by name
 * their `tools`, each with `args` and `annotations`, and their `prompts`. Without it a name is any
 * string.
 */
// eslint-disable-next-line typescript/no-empty-object-type -- an interface is what a file can add to
export interface Register {}

interface Registered {
  readonly tools: object;
  readonly prompts?: object;
}
/** By upstream; `undefined` where nothing is registered. */
type Upstreams = Register extends { readonly upstreams: infer Given } ? Given : undefined;
type UpstreamName = keyof Upstreams & string;
type NamesOf<Given, Kind extends keyof Registered> = Given extends {
  readonly [kind in Kind]: infer Items;
}
  ? keyof Items & string
  : never;

/** `upstream/name` of everything that is registered. */
type Targets<Kind extends keyof Registered> = {
  [Name in UpstreamName]: `${Name}/${NamesOf<Upstreams[Name], Kind>}`;
}[UpstreamName];
/** An upstream that was not asked for its prompts: each name may be one. */
type Unasked = {
  [Name in UpstreamName]: Upstreams[Name] extends { readonly prompts: unknown } ? never : Name;
}[UpstreamName];

/** All beginnings of a text, the empty one and itself among them. */
type Beginnings<
  Text extends string,
  Before extends string = "",
  All = "",
> = Text extends `${infer First}${infer Rest}`
  ? Beginnings<Rest, `${Before}${First}`, All | `${Before}${First}`>
  : All;
/**
 * Of an upstream that there is; whether one of its names fits is for `rule` and `check` to say. The
 * beginnings of all names of 20 upstreams with 50 tools each took the compiler ten seconds.
 */
type Globs = `${UpstreamName}/${string}*${string}` | UpstreamGlobs;
type UpstreamGlobs = `${Beginnings<UpstreamName> & string}*${string}`;

type IfRegistered<Yes> = Upstreams extends undefined ? string : Yes;
type ToolTarget = Targets<"tools">;
type PromptTarget = Targets<"prompts">;

/** A pattern that can match a tool. */
export type ToolPattern = IfRegistered<ToolTarget | Globs>;
/** A pattern that can match a prompt. */
export type PromptPattern = IfRegistered<PromptTarget | Globs | `${Unasked}/${string}`>;
/** A pattern for URIs of an upstream that there is: servers read URIs that they do not list. */
export type ResourcePattern = IfRegistered<`${UpstreamName}/${string}` | UpstreamGlobs>;
/** A pattern that speaks of every kind; one of resources alone holds the `:` of its URIs. */
type AnyPattern = IfRegistered<
  ToolTarget | PromptTarget | Globs | `${UpstreamName}/${string}:${string}`
>;
type InputName = Exclude<InputGrant, `${string}/${string}`>;
type InputPattern = Upstreams extends undefined
  ? InputGrant
  : InputName | `${UpstreamName | UpstreamGlobs}/${InputName}`;

export interface AllowInput {
  /** Patterns `upstream/name`. */
  readonly tools?: readonly ToolPattern[] | undefined;
  /** Patterns `upstream/uri`. */
  readonly resources?: readonly ResourcePattern[] | undefined;
  /** Patterns `upstream/name`. */
  readonly prompts?: readonly PromptPattern[] | undefined;
  /** What servers may ask of the client: a kind for every upstream, or `upstream/kind`. */
  readonly input?: readonly InputPattern[] | undefined;
}
/** A pattern or a list of them for tools, resources and prompts, or of each kind its own. */
export type RuleTargets = AnyPattern | readonly AnyPattern[] | AllowInput;

/** What a glob matches, as a template. */
type Matching<Pattern> = Pattern extends `${infer Before}*${infer After}`
  ? `${Before}${string}${Matching<After>}`
  : Pattern;
/** Nothing here distributes over `On`: the compiler would try each pattern that there could be. */
type PatternsOf<On, Kind extends keyof Registered> = [On] extends [string]
  ? On
  : [On] extends [readonly (infer Each)[]]
    ? Each
    : [On] extends [{ readonly [kind in Kind]: readonly (infer Each)[] }]
      ? Each
      : never;
type ArgsOf<Target, Kind extends keyof Registered> = Target extends `${infer Name}/${infer Item}`
  ? Upstreams[Name & keyof Upstreams] extends infer Given extends {
      readonly [kind in Kind]: unknown;
    }
    ? Given[Kind][Item & keyof Given[Kind]] extends { readonly args: infer Args }
      ? Args
      : never
    : never
  : never;
/** Nothing of a text that is not known as it stands: all of them would take the compiler seconds. */
type Matched<On, Kind extends keyof Registered> = [RuleTargets] extends [On]
  ? never
  : Extract<Targets<Kind>, Matching<PatternsOf<On, Kind>>>;

interface MatchesNothing {
  readonly "matches nothing that is registered": never;
}
type CheckedPattern<Pattern, Target> = [Pattern] extends [`${string}*${string}`]
  ? [Extract<Target, Matching<Pattern>>] extends [never]
    ? MatchesNothing
    : unknown
  : unknown;
/** A URI's scheme may stand in a pattern that speaks of every kind. */
type CheckedAny<Pattern> = [Pattern] extends [`${string}:${string}`]
  ? unknown
  : CheckedPattern<Pattern, ToolTarget | PromptTarget>;
/** A type that only targets fit of which each can match something. */
export type CheckedTargets<On> = Upstreams extends undefined
  ? unknown
  : [On] extends [string]
    ? CheckedAny<On>
    : [On] extends [readonly unknown[]]
      ? { readonly [Index in keyof On]: CheckedAny<On[Index]> }
      : [On] extends [{ readonly tools: infer Tools }]
        ? {
            readonly tools: {
              readonly [Index in keyof Tools]: CheckedPattern<Tools[Index], ToolTarget>;
            };
          }
        : unknown;
/** Of the prompts of an upstream that was not asked for them. */
type UnaskedArgs<On> = [On] extends [{ readonly prompts: unknown }]
  ? [Unasked] extends [never]
    ? never
    : { readonly [name: string]: unknown }
  : never;
/** The arguments of everything that a rule can match, each as a member of a union. */
type RuleArgs<On> =
  | ArgsOf<Matched<On, "tools">, "tools">
  | ArgsOf<Matched<On, "prompts">, "prompts">
  | UnaskedArgs<On>;

type NamedKeys<Args> = Args extends unknown
  ? keyof { [Key in keyof Args as string extends Key ? never : Key]: unknown } & string
  : never;
/** The value of one argument in whichever of them has it. */
type ValueOf<Args, Key> = Args extends unknown
  ? Key extends keyof Args
    ? Exclude<Args[Key], undefined>
    : never
  : never;
/** `Yes` where one of them takes arguments of any name. */
type IfOpen<Args, Yes> = string extends (Args extends unknown ? keyof Args : never) ? Yes : unknown;

type Scalar = string | number | boolean | null;
/** A test that a value of this type can pass. */
type TestOf<Value> = unknown extends Value
  ? TestConfig
  : | Extract<Value, Scalar>
    | Extract<Value, Scalar>[]
    | ([Extract<Value, string>] extends [never] ? never : Extract<TestConfig, TextTest>)
    | ([Extract<Value, number>] extends [never] ? never : Extract<TestConfig, RangeTest>);
type TextTest = { glob: string } | { matches: string } | { maxLength: number };
type RangeTest = { min?: number | undefined; max?: number | undefined };
/** The JSON Pointers to an argument or into it. */
type PointerTo<Key extends string> = Key extends `${string}${"/" | "~"}${string}`
  ? `/${string}`
  : `/${Key}` | `/${Key}/${string}`;
type ArgTests<Args> = {
  readonly [Key in NamedKeys<Args>]?: TestOf<ValueOf<Args, Key>>;
} & { readonly [Key in PointerTo<NamedKeys<Args>>]?: TestConfig } & IfOpen<
    Args,
    { readonly [name: string]: TestConfig }
  >;

/** A condition on what the rule can match. */
export type RuleCondition<On> = Upstreams extends undefined
  ? ConditionConfig
  : Omit<ConditionConfig, "args"> & { readonly args?: ArgTests<RuleArgs<On>> | undefined };

/** Values for arguments of what the rule can match. */
export type RuleValues<On> = Upstreams extends undefined
  ? Record<string, JsonValue>
  : {
      readonly [Key in NamedKeys<ToolArgs<On>>]?: OrJson<ValueOf<ToolArgs<On>, Key>>;
    } & IfOpen<ToolArgs<On>, { readonly [name: string]: JsonValue }>;
type ToolArgs<On> = ArgsOf<Matched<On, "tools">, "tools">;
type OrJson<Value> = unknown extends Value ? JsonValue : Value;

/**
 * What a function in `when` is asked with; each argument has the type that the upstream's schema
 * gives it. With `arguments: "report"` at the upstream a caller may send others.
 */
export type RuleFacts<On> = Upstreams extends undefined
  ? WhenFacts
  : Omit<WhenFacts, "args"> & {
      readonly args: {
        readonly [Key in NamedKeys<RuleArgs<On>>]?: OrJson<ValueOf<RuleArgs<On>, Key>> | undefined;
      } & IfOpen<RuleArgs<On>, WhenFacts["args"]>;
    };
