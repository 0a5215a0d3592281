/** What stands in the headers of every reply. */
export function toReplyHeaders({ id }: { readonly id: string }): Record<string, string> {
  return { "x-request-id": id };
}
