import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  GIT_ENTRIES,
  HARMLESS,
  LATER_FILES,
  NOT_LISTED,
} from "../../../../../src/lib/sandbox/runs-later/catalogue.ts";
import { Matcher } from "../../../../../src/lib/sandbox/runs-later/matcher.ts";

const matcher = new Matcher();
const patterns = LATER_FILES.flatMap(({ files }) => files.flatMap(({ at }) => at));
const kindOf = (path: string) => {
  const parents = path.split("/");
  const name = parents.pop() ?? "";
  const trees = parents.map((each, index) => matcher.tree(parents.slice(0, index), each));
  return (trees.find((tree) => tree !== undefined) ?? matcher.file(parents, name))?.kind;
};

describe("the catalogue", () => {
  test("has each pattern once, and none that can't be matched", () => {
    assert.deepEqual(
      patterns.filter((pattern, index) => patterns.indexOf(pattern) !== index),
      [],
    );
    for (const pattern of patterns) {
      const name = pattern.replace(/\/\*\*$/, "");
      assert.ok((name.match(/\*/g) ?? []).length <= 1, `${pattern} has more than one open part`);
      assert.doesNotMatch(name.split("/").slice(0, -1).join("/"), /\*/, pattern);
      const path = pattern.endsWith("/**") ? `${name}/x` : name.replace("*", "x");
      for (const at of [path, `deep/er/${path}`]) assert.ok(kindOf(at), `${at} isn't found`);
    }
  });

  test("says a reason for everything", () => {
    for (const { because } of LATER_FILES.flatMap(({ files }) => files)) assert.match(because, /^\S.*[^.]$/);
    for (const { because } of GIT_ENTRIES) assert.match(because, /^\S.*[^.]$/);
    for (const because of [...Object.values(NOT_LISTED), ...Object.values(HARMLESS)])
      assert.notEqual(because, "");
  });

  test("lists nothing that it calls harmless, and looks into nothing that it lists", () => {
    for (const name of Object.keys(HARMLESS)) assert.equal(kindOf(name), undefined, name);
    for (const path of Object.keys(NOT_LISTED)) {
      const parents = path.split("/");
      const name = parents.pop() ?? "";
      assert.ok(matcher.notListed(["a", ...parents], name), path);
      assert.equal(matcher.tree(parents, name), undefined, path);
    }
  });
});

describe("what is found by name", () => {
  const cases: Record<string, string | undefined> = {
    "package.json": "packages",
    "apps/web/package.json": "packages",
    "package.json.bak": undefined,
    Makefile: "build",
    "Makefile.local": "build",
    "app/build.gradle.kts": "build",
    "vite.config.mts": "build",
    "config.mts": undefined,
    "bin/start": "build",
    "cabin/start": undefined,
    "bin/deep/er": undefined,
    ".github/workflows/ci.yml": "ci",
    "sub/.vscode/deep/tasks.json": "editor",
    "requirements-dev.txt": "packages",
    "requirements.md": undefined,
    ".envrc": "environment",
    ".pi/extensions/x.ts": "agents",
    "CLAUDE.local.md": "agents",
    ".bashrc": "shell",
    ".hg/hgrc": "vcs",
    hgrc: undefined,
    "src/index.ts": undefined,
    constructor: undefined,
    ".latexmkrc": "build",
    "site/_plugins/x.rb": "build",
    "gatsby-node.ts": "build",
    "docs/.vitepress/config.mts": "build",
    "config/deploy.rb": "build",
    "gunicorn.conf.py": "build",
    ".bsp/scala.json": "editor",
    "Run.launch": "editor",
    ".ddev/commands/host/x": "containers",
    ".openhands/microagents/repo.md": "agents",
    ".lfsconfig": "vcs",
    DEPS: "vcs",
    "debian/postinst": "packages",
    missing: "build",
    "lib/x.jar": "build",
    "babel.config.json": "build",
    "prisma/schema.prisma": "build",
    "web/cypress/plugins/index.js": "build",
    "src/App/Properties/launchSettings.json": "build",
    "psalm.xml.dist": "build",
    ".bumpversion.cfg": "build",
    "setup.nu": "build",
    ".rvmrc": "environment",
    ".merlin": "editor",
    "heroku.yml": "ci",
    "molecule/default/converge.yml": "containers",
    "kubeconfig.yaml": "containers",
    ".config/jj/config.toml": "shell",
    ".my.cnf": "shell",
  };
  for (const [path, kind] of Object.entries(cases))
    test(`${path}: ${kind ?? "nothing"}`, () => assert.equal(kindOf(path), kind));
});
