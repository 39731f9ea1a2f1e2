#!/usr/bin/env node
// Writes src/contract/generated.ts from schemas/*.json: TypeScript types of every record, and the metric catalogue.
//   node scripts/generate-types.mjs [--check]     --check: write nothing, exit 1 when the committed file is stale
import fs from 'node:fs';
import path from 'node:path';
import { compile } from 'json-schema-to-typescript';

const root = path.resolve(import.meta.dirname, '..');
const target = path.join(root, 'src/contract/generated.ts');
const folder = path.join(root, 'schemas');

/**
 * One schema whose definitions are those of all files, each record under its own title. Config is the resolved one, out of
 * run.json: no editor code reads the file as written.
 */
function combine() {
  const defs = {};
  for (const file of fs.readdirSync(folder).filter((f) => f.endsWith('.schema.json') && f !== 'config.schema.json').sort()) {
    const { $defs = {}, $schema, ...record } = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
    for (const [name, def] of Object.entries($defs)) defs[name] ??= def;
    defs[record.title] ??= record;
  }
  return { title: 'Contract', type: 'object', $defs: defs, properties: {}, additionalProperties: false };
}

/**
 * Shapes the schema for reading code: property titles would each become an alias; the parser revives "NaN" and
 * its like, so a number is a number; and unknown fields are kept at run time but not offered by the types.
 */
function simplify(node) {
  if (Array.isArray(node)) return node.map(simplify);
  if (node === null || typeof node !== 'object') return node;
  if (node.$ref) return { $ref: node.$ref }; // a description beside a reference would make a second type of it
  const alternatives = node.anyOf?.filter((a) => !a.enum?.includes('NaN'));
  if (alternatives && alternatives.length < node.anyOf.length) {
    const { anyOf, ...rest } = node;
    return simplify(alternatives.length === 1 ? { ...rest, ...alternatives[0] } : { ...rest, anyOf: alternatives });
  }
  const out = Object.fromEntries(Object.entries(node).filter(([k, v]) => k !== 'default' && !(k === 'additionalProperties' && v === true)).map(([k, v]) => [k, simplify(v)]));
  for (const prop of Object.values(out.properties ?? {})) delete prop.title;
  return out;
}

const schema = simplify(combine());
const types = await compile(schema, 'Contract', {
  bannerComment: '// Generated from schemas/ by `npm run generate`. Do not edit.',
  unreachableDefinitions: true,
  additionalProperties: false,
  strictIndexSignatures: true,
  style: { singleQuote: true, printWidth: 120 },
});
const metrics = JSON.parse(fs.readFileSync(path.join(folder, 'metrics.json'), 'utf8'));
const withoutRoot = types.replace(/export interface Contract \{\}\n/, '').replace(/\/\*\*\n( \*.*\n)*? \* via the `definition`.*\n \*\/\n/g, '');
const text = `${withoutRoot.trim()}

/** What a metric means: \`schemas/metrics.json\`. */
export interface MetricInfo {
  readonly label: string;
  readonly unit: string;
  readonly better: string;
  readonly text: string;
}

export const metricCatalogue: Readonly<Record<string, MetricInfo>> = ${JSON.stringify(metrics, null, 2)};
`;

if (process.argv.includes('--check')) {
  const fresh = fs.existsSync(target) && fs.readFileSync(target, 'utf8') === text;
  if (!fresh) console.error('src/contract/generated.ts is stale: run `npm run generate` and commit the result.');
  process.exit(fresh ? 0 : 1);
}
fs.mkdirSync(path.dirname(target), { recursive: true });
fs.writeFileSync(target, text);
console.log(path.relative(root, target));
