import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemdUnits, unitDirectory } from "../../../../../src/lib/client/systemd/units.ts";

describe("systemdUnits", () => {
  const units = (env: Record<string, string>, socket = "/run/user/7/pictl/daemon.sock") => {
    const facts = { paths: { socket }, env, command: ["/opt/my node", "run.js"], drainTimeoutMs: 30_500 };
    const [listen, service] = systemdUnits(facts);
    return { listen: listen?.text ?? "", service: service?.text ?? "" };
  };

  test("the socket of the runtime directory is that of whoever logs in", () => {
    const { listen, service } = units({ XDG_RUNTIME_DIR: "/run/user/7" });
    assert.match(listen, /^ListenStream=%t\/pictl\/daemon\.sock$/m);
    assert.doesNotMatch(service, /XDG_RUNTIME_DIR/);
  });

  test("without one in this shell, the daemon looks where the shell looks", () => {
    const { listen, service } = units({}, "/tmp/pictl-7/daemon.sock");
    assert.match(listen, /^ListenStream=\/tmp\/pictl-7\/daemon\.sock$/m);
    assert.match(service, /^UnsetEnvironment=XDG_RUNTIME_DIR$/m);
  });

  test("what has a meaning for systemd is escaped, and places go along, keys don't", () => {
    const { listen, service } = units(
      { PICTL_HOME: '/a b/100%"', API_KEY: "secret" },
      "/a b/100%/daemon.sock",
    );
    assert.match(listen, /^ListenStream=\/a b\/100%%\/daemon\.sock$/m);
    assert.match(service, /^Environment="PICTL_HOME=\/a b\/100%%\\""$/m);
    assert.match(service, /^ExecStart="\/opt\/my node" "run\.js"$/m);
    assert.doesNotMatch(service, /secret/);
  });

  test("systemd waits for longer than the daemon lets turns run, and ends only the daemon itself", () => {
    const { service } = units({});
    assert.match(service, /^TimeoutStopSec=76$/m);
    assert.match(service, /^KillMode=mixed$/m);
  });

  test("a relative XDG_CONFIG_HOME is ignored", () => {
    assert.equal(unitDirectory({ XDG_CONFIG_HOME: "c" }, "/h"), "/h/.config/systemd/user");
    assert.equal(unitDirectory({ XDG_CONFIG_HOME: "/c" }, "/h"), "/c/systemd/user");
  });
});
