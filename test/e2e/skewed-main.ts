/** The program on a machine whose clock is off by the milliseconds of its first argument. */
const RealDate = Date;
const skewMs = Number(process.argv.splice(2, 1)[0]);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, of) =>
    Reflect.construct(target, given.length === 0 ? [RealDate.now() + skewMs] : given, of) as Date,
  get: (target, name, of) =>
    name === "now" ? () => RealDate.now() + skewMs : (Reflect.get(target, name, of) as unknown),
});

await import("../../src/main.ts");
