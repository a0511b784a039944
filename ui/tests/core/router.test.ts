import { beforeEach, expect, it, vi } from "vitest";

const entries: string[] = [];

async function fresh(at: string) {
  vi.resetModules();
  entries.length = 0;
  vi.stubGlobal("location", { href: `http://motet${at}`, origin: "http://motet" });
  const change = (how: string) => (_: unknown, __: string, to: string) => {
    entries.push(`${how} ${to}`);
    location.href = `http://motet${to}`;
  };
  vi.stubGlobal("history", { pushState: change("push"), replaceState: change("replace") });
  vi.stubGlobal("scrollTo", () => {});
  return import("../../src/core/router");
}

beforeEach(() => vi.useFakeTimers());

it("reads parameters from the address and leaves defaults out of it", async () => {
  const { param, text, words, address } = await fresh("/runs?q=status%3Afailed&open=a,b%252Cc");
  const q = param("q", text);
  const open = param("open", words);
  expect(q.value).toBe("status:failed");
  expect([...open.value]).toEqual(["a", "b,c"]);
  q.value = "";
  expect(address()).toBe("/runs?open=a,b%252Cc");
});

it("makes one entry of what changes together, and none of what only moves", async () => {
  const { param, text, number } = await fresh("/runs/x");
  const step = param("step", text);
  const zoom = param("z", number, "replace");
  step.value = "train[3]";
  zoom.value = 2;
  await Promise.resolve();
  expect(entries).toEqual(["push /runs/x?step=train%5B3%5D&z=2"]);
  zoom.value = 3;
  zoom.value = 4;
  vi.runAllTimers();
  expect(entries.slice(1)).toEqual(["replace /runs/x?step=train%5B3%5D&z=4"]);
});

it("goes to another address and forgets the parameters of the one before", async () => {
  const { go, param, text, path } = await fresh("/runs?q=a");
  const q = param("q", text);
  go("/runs/quiet-otter");
  expect([path.value, q.value]).toEqual(["/runs/quiet-otter", ""]);
});

it("fits paths with names of any characters", async () => {
  const { match } = await fresh("/");
  expect(match("/runs/:run/:view", "/runs/a%2Fb/radar")).toEqual({ run: "a/b", view: "radar" });
  expect(match("/runs/:run", "/runs/%zz")).toBeNull();
  expect(match("/runs/:run", "/runs")).toBeNull();
});
