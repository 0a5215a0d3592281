/**
 * What stands where in an MCP message (schemas of 2024-11-05 to 2026-07-28). A string is text
 * unless a row here says otherwise, and a row counts in its place alone: `nextCursor` is a cursor
 * in a list's result and plain data in `structuredContent`.
 */

/**
 * What becomes of a string:
 * - `keep`: opaque, made to be given back; byte for byte, whatever it looks like
 * - `name`: an enumeration or a label, which models read too; text that no key promises to be secret
 * - `uri`: stays an address that opens: tokens of a known format and passwords in the userinfo go,
 *   the signature or JWT of a signed link stays
 * - `blob`: base64, looked into; `media`: the same, but untouched where it holds no text
 */
export type Leaf = "text" | "keep" | "name" | "uri" | "blob" | "media";

export interface Place {
  /** The place or treatment of each member; objects under a treatment are plain data. */
  readonly rows: ReadonlyMap<string, Leaf | Place>;
  /** The place of every other member. */
  readonly others: Place;
  /** Keys are content and get cleaned; off where they are the names of arguments. */
  readonly cleansKeys: boolean;
  /** A key may say that its value is a secret: `{"password": "…"}`. */
  readonly readsKeys: boolean;
  /** Keys are text to who asks for them: they are chosen by who wrote the message. */
  readonly keysAreText: boolean;
}

type Row = Leaf | keyof typeof table;

const paged = { nextCursor: "keep" } as const;
const result = {
  resultType: "name",
  cacheScope: "name",
  requestState: "keep",
  inputRequests: "InputRequests",
  _meta: "Meta",
} as const;
const about = { protocolVersion: "name", supportedVersions: "Data", serverInfo: "Info" } as const;

const table = {
  Data: {},
  Structure: {},
  Result: result,
  ToolsResult: { ...result, ...paged, tools: "Tool" },
  ResourcesResult: { ...result, ...paged, resources: "Resource", resourceTemplates: "Resource" },
  PromptsResult: { ...result, ...paged, prompts: "Prompt" },
  CallResult: {
    ...result,
    content: "Block",
    structuredContent: "Structure",
    task: "Task",
    taskId: "keep",
    status: "name",
  },
  TaskResult: { ...result, taskId: "keep", status: "name", result: "CallResult" },
  ReadResult: { ...result, contents: "Contents" },
  PromptResult: { ...result, messages: "PromptMessage" },
  ServerResult: { ...result, ...about },
  Params: { _meta: "Meta", level: "name", uri: "uri" },
  ProgressParams: { _meta: "Meta", progressToken: "keep" },
  CancelledParams: { _meta: "Meta", requestId: "keep" },
  TaskParams: { _meta: "Meta", taskId: "keep", status: "name" },
  ElicitationParams: { _meta: "Meta", elicitationId: "keep" },
  InputRequests: {},
  InputRequest: { method: "name", params: "InputParams" },
  InputParams: {
    _meta: "Meta",
    mode: "name",
    url: "uri",
    elicitationId: "keep",
    requestedSchema: "Schema",
    messages: "PromptMessage",
    tools: "Tool",
  },
  ErrorData: { elicitations: "InputParams" },
  Error: { data: "ErrorData" },
  Block: {
    type: "name",
    data: "media",
    mimeType: "name",
    uri: "uri",
    name: "name",
    id: "keep",
    toolUseId: "keep",
    resource: "Contents",
    content: "Block",
    structuredContent: "Structure",
    icons: "Icon",
    _meta: "Meta",
  },
  Contents: { uri: "uri", mimeType: "name", blob: "blob", _meta: "Meta" },
  Tool: {
    name: "name",
    inputSchema: "Schema",
    outputSchema: "Schema",
    icons: "Icon",
    _meta: "Meta",
  },
  Resource: {
    uri: "uri",
    uriTemplate: "uri",
    name: "name",
    mimeType: "name",
    icons: "Icon",
    _meta: "Meta",
  },
  Prompt: { name: "name", arguments: "PromptArgument", icons: "Icon", _meta: "Meta" },
  PromptArgument: { name: "name" },
  PromptMessage: { role: "name", content: "Block", _meta: "Meta" },
  Info: { name: "name", version: "name", websiteUrl: "uri", icons: "Icon" },
  Icon: { src: "uri", mimeType: "name", theme: "name" },
  Task: { taskId: "keep", status: "name" },
  Meta: {
    progressToken: "keep",
    "io.modelcontextprotocol/subscriptionId": "keep",
    "io.modelcontextprotocol/related-task": "Task",
    "io.modelcontextprotocol/serverInfo": "Info",
  },
  // The values of a schema (`default`, `enum`, `const`, `description`) are text, its words are not.
  Schema: {
    type: "name",
    format: "name",
    $ref: "name",
    $schema: "name",
    $id: "name",
    properties: "SchemaMap",
    patternProperties: "SchemaMap",
    dependentSchemas: "SchemaMap",
    $defs: "SchemaMap",
    definitions: "SchemaMap",
    default: "SchemaValue",
    const: "SchemaValue",
    enum: "SchemaValue",
    examples: "SchemaValue",
  },
  // Keys below `properties` are names: one called `type` is no keyword.
  SchemaMap: {},
  SchemaValue: {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

type PlaceName = keyof typeof table;
type Traits = Partial<Omit<Place, "rows" | "others">> & { readonly others?: PlaceName };

const vocabulary = { cleansKeys: false, readsKeys: false };
const traits: { readonly [name in PlaceName]?: Traits } = {
  Structure: { others: "Structure", keysAreText: true },
  InputRequests: { others: "InputRequest", cleansKeys: false },
  Schema: { ...vocabulary, others: "Schema" },
  SchemaMap: { ...vocabulary, others: "Schema" },
  SchemaValue: { ...vocabulary, others: "SchemaValue" },
};

const places = buildPlaces();

export const dataPlace: Place = placeOf("Data");
/** Arguments, and structured content: data as well, whose keys are text to who asks for them. */
export const structurePlace: Place = placeOf("Structure");
export const errorDataPlace: Place = placeOf("ErrorData");
/** A JSON-RPC error as a whole. */
export const errorPlace: Place = placeOf("Error");

const results: ReadonlyMap<string, PlaceName> = new Map<string, PlaceName>([
  ["tools/list", "ToolsResult"],
  ["resources/list", "ResourcesResult"],
  ["resources/templates/list", "ResourcesResult"],
  ["prompts/list", "PromptsResult"],
  ["tools/call", "CallResult"],
  ["tasks/get", "TaskResult"],
  ["resources/read", "ReadResult"],
  ["prompts/get", "PromptResult"],
  ["initialize", "ServerResult"],
  ["server/discover", "ServerResult"],
]);
const notifications: ReadonlyMap<string, PlaceName> = new Map<string, PlaceName>([
  ["notifications/progress", "ProgressParams"],
  ["notifications/cancelled", "CancelledParams"],
  ["notifications/tasks/status", "TaskParams"],
  ["notifications/elicitation/complete", "ElicitationParams"],
]);

/** The result of a request with this method. */
export function resultPlace(method: string): Place {
  return placeOf(results.get(method) ?? "Result");
}

/** The params of a notification with this method. */
export function paramsPlace(method: string): Place {
  return placeOf(notifications.get(method) ?? "Params");
}

function placeOf(name: PlaceName): Place {
  return places.get(name)!;
}

/** Places refer to each other in circles, so they are made first and filled afterwards. */
function buildPlaces(): ReadonlyMap<string, Place> {
  const built = new Map<string, { -readonly [key in keyof Place]: Place[key] }>();
  for (const name of Object.keys(table)) {
    const place = { rows: new Map(), cleansKeys: true, readsKeys: true, keysAreText: false };
    built.set(name, Object.assign(place, { others: place as unknown as Place }));
  }
  for (const [name, rows] of Object.entries<Readonly<Record<string, Row | string>>>(table)) {
    const place = built.get(name)!;
    const { others = "Data", ...rest } = traits[name as PlaceName] ?? {};
    place.rows = new Map(
      Object.entries(rows).map(([key, row]) => [key, built.get(row) ?? (row as Leaf)]),
    );
    Object.assign(place, rest, { others: built.get(others) });
  }
  return built;
}
