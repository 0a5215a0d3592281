/** The package's version; `test/house.test.ts` holds it equal to package.json. */
export const version = "0.1.0";
