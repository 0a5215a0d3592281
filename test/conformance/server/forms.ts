/** The forms that the test server asks its users to fill in. */

/** A form of required fields of one type. */
export function formOf(type: "string" | "boolean", ...fields: string[]) {
  const property = { type } as { type: "string" } | { type: "boolean" };
  return {
    type: "object" as const,
    properties: Object.fromEntries(fields.map((field) => [field, property])),
    required: fields,
  };
}

/** Every primitive type with a default. */
export const defaultsForm = {
  message: "Please review and update the form fields with defaults",
  requestedSchema: {
    type: "object" as const,
    properties: {
      name: { type: "string" as const, default: "John Doe" },
      age: { type: "integer" as const, default: 30 },
      score: { type: "number" as const, default: 95.5 },
      status: {
        type: "string" as const,
        enum: ["active", "inactive", "pending"],
        default: "active",
      },
      verified: { type: "boolean" as const, default: true },
    },
    required: [],
  },
};

const plain = ["option1", "option2", "option3"];
const titled = ["First", "Second", "Third"].map((word, index) => ({
  const: `value${index + 1}`,
  title: `${word} choice`,
}));

/** Every way to write a choice. */
export const choicesForm = {
  message: "Please select options from the enum fields",
  requestedSchema: {
    type: "object" as const,
    properties: {
      untitledSingle: { type: "string" as const, enum: plain },
      titledSingle: { type: "string" as const, oneOf: titled },
      legacyEnum: {
        type: "string" as const,
        enum: ["opt1", "opt2", "opt3"],
        enumNames: ["Option One", "Option Two", "Option Three"],
      },
      untitledMulti: { type: "array" as const, items: { type: "string" as const, enum: plain } },
      titledMulti: { type: "array" as const, items: { anyOf: titled } },
    },
    required: [],
  },
};
