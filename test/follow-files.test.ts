import { expect, test } from "vitest";
import { type FollowFilesSettings, followFiles } from "../src/follow-files.ts";

/** Files that are texts in a map, and a clock that is turned by hand. */
function follow(settings: Partial<FollowFilesSettings> = {}) {
  const files = new Map<string, string>();
  const waiting = new Map<object, () => void>();
  const errors: string[] = [];
  const state = { acted: 0, looks: 0 };
  const followed = followFiles({
    fingerprint: async (path) => {
      state.looks += 1;
      return files.get(path) ?? "";
    },
    clock: {
      after: (ms, act) => {
        expect(ms).toBe(1_000);
        const timer = { cancel: () => waiting.delete(timer) };
        waiting.set(timer, act);
        return timer;
      },
    },
    log: { error: (message) => errors.push(message) },
    act: () => {
      state.acted += 1;
    },
    ...settings,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    files,
    state,
    errors,
    waiting,
    settle,
    close: followed.close,
    set: async (...paths: string[]) => {
      followed.set(paths);
      await settle();
    },
    /** Lets so many polls pass. */
    poll: async (count = 1) => {
      for (let each = 0; each < count; each += 1) {
        const due = [...waiting.values()];
        waiting.clear();
        for (const act of due) act();
        await settle();
      }
    },
  };
}

test("follow-files acts once on a change, at the second look that finds it", async () => {
  const { files, state, set, poll } = follow();
  files.set("a", "1").set("b", "1");
  await set("a", "b");
  await poll(3);
  expect(state.acted).toBe(0);
  files.set("a", "2").set("b", "2");
  await poll();
  expect(state.acted).toBe(0);
  await poll();
  expect(state.acted).toBe(1);
  await poll(3);
  expect(state.acted).toBe(1);
});

test("follow-files waits for a file that is still being written", async () => {
  const { files, state, set, poll } = follow();
  await set("a");
  for (const text of ["h", "ha", "hal", "half"]) {
    files.set("a", text);
    await poll();
  }
  expect(state.acted).toBe(0);
  await poll();
  expect(state.acted).toBe(1);
});

test("follow-files waits for the first file when a second one is still being written", async () => {
  const { files, state, set, poll } = follow();
  files.set("cert", "1").set("key", "1");
  await set("cert", "key");
  files.set("cert", "2");
  await poll();
  files.set("key", "2");
  await poll();
  expect(state.acted).toBe(0);
  await poll();
  expect(state.acted).toBe(1);
});

test("follow-files takes a file that vanishes and comes back for none, and one that stays away for a change", async () => {
  const { files, state, set, poll } = follow();
  files.set("a", "1");
  await set("a");
  files.delete("a");
  await poll();
  files.set("a", "1");
  await poll(2);
  expect(state.acted).toBe(0);
  files.delete("a");
  await poll(2);
  expect(state.acted).toBe(1);
  files.set("a", "1");
  await poll(2);
  expect(state.acted).toBe(2);
});

test("follow-files sees what changed after a file was named, before the first poll too", async () => {
  const { files, state, set, poll } = follow();
  files.set("a", "1");
  await set("a");
  files.set("a", "2");
  await poll(2);
  expect(state.acted).toBe(1);
});

test("follow-files keeps what it knows of a file that is named again, and forgets the others", async () => {
  const { files, state, set, poll } = follow();
  files.set("a", "1").set("b", "1");
  await set("a", "b");
  files.set("a", "2").set("b", "2");
  await set("b", "c");
  files.set("a", "3");
  await poll(2);
  expect(state.acted).toBe(1);
  await set("a", "b", "c");
  await poll(3);
  expect(state.acted).toBe(1);
});

test("follow-files never acts twice at once, and tells of what changed meanwhile afterwards", async () => {
  let end: () => void = () => undefined;
  let running = 0;
  let most = 0;
  let acted = 0;
  const act = async () => {
    acted += 1;
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    running -= 1;
  };
  const { files, set, poll, settle } = follow({ act });
  await set("a");
  files.set("a", "1");
  await poll(2);
  files.set("a", "2");
  await poll(5);
  expect([acted, most]).toEqual([1, 1]);
  end();
  await settle();
  await poll(2);
  expect([acted, most]).toEqual([2, 1]);
});

test("follow-files begins no look while one is under way", async () => {
  const asked: string[] = [];
  let answer: (print: string) => void = () => undefined;
  const fingerprint = (path: string) => {
    asked.push(path);
    return new Promise<string>((resolve) => {
      answer = resolve;
    });
  };
  const { set, poll, settle, waiting } = follow({ fingerprint });
  await set("a");
  answer("1");
  await poll(5);
  expect([asked.length, waiting.size]).toEqual([2, 0]);
  answer("1");
  await settle();
  expect(waiting.size).toBe(1);
});

test("follow-files goes on after what it called has failed", async () => {
  const { files, state, errors, set, poll } = follow({
    act: () => {
      state.acted += 1;
      throw new Error("no");
    },
  });
  await set("a");
  files.set("a", "1");
  await poll(2);
  files.set("a", "2");
  await poll(2);
  expect([state.acted, errors.length]).toEqual([2, 2]);
});

test("follow-files does nothing more once it is closed, in the middle of a look too", async () => {
  const { files, state, set, poll, close, waiting } = follow();
  await set("a");
  files.set("a", "1");
  await poll();
  const due = [...waiting.values()];
  close();
  expect(waiting.size).toBe(0);
  for (const act of due) act();
  await poll(3);
  expect([state.acted, waiting.size]).toEqual([0, 0]);
});
