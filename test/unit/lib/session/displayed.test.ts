import assert from "node:assert/strict";
import { test } from "node:test";
import { Displayed } from "../../../../src/lib/session/displayed.ts";

test("what extensions show stays until it is replaced or taken down", () => {
  const displayed = new Displayed();
  const show = (method: string, fields: object) =>
    displayed.observe({ type: "extension_ui_request", method, ...fields });
  show("setTitle", { title: "first" });
  show("setTitle", { title: "second" });
  show("setStatus", { statusKey: "a", statusText: "busy" });
  show("setStatus", { statusKey: "b", statusText: "idle" });
  show("setStatus", { statusKey: "a" });
  show("setWidget", { widgetKey: "w", widgetLines: ["one", "two"] });
  show("notify", { message: "gone with the wind" });
  assert.deepEqual(displayed.list(), [
    { kind: "title", text: "second" },
    { kind: "status", key: "b", text: "idle" },
    { kind: "widget", key: "w", text: "one\ntwo" },
  ]);
  displayed.clear();
  assert.deepEqual(displayed.list(), []);
});
