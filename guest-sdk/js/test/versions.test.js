// What is named in several places is the same in all of them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const here = (path) => new URL(`../${path}`, import.meta.url);
const read = (path) => readFileSync(here(path), 'utf8');

const PROJECTS = [
  'conformance/package.json',
  'template-js/package.json.tmpl',
  'template-ts/package.json.tmpl',
  '../../plugins/payment-js/package.json',
  '../../plugins/payment-ts/package.json',
];

test('projects have the tools of versions.toml', () => {
  const pinned = Object.fromEntries(
    [...read('../versions.toml').matchAll(/^([\w-]+) = "(.*)"$/gm)].map(([, name, version]) => [name, version]),
  );
  const rows = { '@types/node': 'types-node' };
  for (const project of PROJECTS) {
    const { dependencies, devDependencies } = JSON.parse(read(project));
    assert.deepEqual(Object.keys(dependencies), [pinned.js], project);
    for (const [name, version] of Object.entries(devDependencies))
      assert.equal(version, pinned[rows[name] ?? name], `${project}: ${name}`);
  }
  assert.equal(JSON.parse(read('package.json')).name, pinned.js);
});

test("the contract is the repository's", () => {
  const [copy, contract] = ['wit/deps/oncegate-plugin/', '../../wit/plugin/0.1.0/'];
  assert.deepEqual(readdirSync(here(copy)), readdirSync(here(contract)));
  for (const name of readdirSync(here(copy))) assert.equal(read(copy + name), read(contract + name), name);
});
