/** What of a valibot schema is read beside parsing: which node speaks of which value. */

export interface SchemaNode {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly value?: SchemaNode;
  readonly item?: SchemaNode;
  readonly wrapped?: SchemaNode;
  readonly getter?: (input: unknown) => SchemaNode;
}

/** The node behind `optional` and `lazy`: for a value in one of several forms, that of its form. */
export function nodeFor(node: SchemaNode, value: unknown): SchemaNode {
  if (node.wrapped !== undefined) return nodeFor(node.wrapped, value);
  return node.getter === undefined ? node : nodeFor(node.getter(value), value);
}

/** What the schema says of the part `key` of a value; undefined where it knows no such part. */
export function childNode(node: SchemaNode, key: string | number): SchemaNode | undefined {
  if (typeof key === "number") return node.item;
  const { entries } = node;
  if (entries === undefined) return node.value;
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}
