/** Of the package, which has no types of its own, what is used here. */
declare module "amaro" {
  const amaro: {
    /** Throws a text with the message and a drawing of the place. */
    readonly transformSync: (
      source: string,
      options: { readonly mode: "strip-only" },
    ) => { readonly code: string };
  };
  export default amaro;
}
