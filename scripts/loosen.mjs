// The config's schema as the editor uses it: it completes and explains, and leaves it to the trainer's check to say what is wrong.
// Otherwise the editor would tell every problem twice, once in words that know neither what was meant nor how to mend it.

/** What says that a value is wrong and nothing about what could stand there. */
const VERDICTS = new Set([
  'required', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'pattern', 'format',
  'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties', 'discriminator',
]);

/** What tells of the values that could stand there: it moves into one of two alternatives, of which the other allows everything. */
const OFFERS = ['type', 'enum', 'anyOf', 'oneOf'];

const isObject = (node) => node !== null && typeof node === 'object' && !Array.isArray(node);

/** A schema that finds no fault with values, and offers and explains what the strict one does. Constants stay: they tell phases apart. */
export function loosen(node) {
  if (Array.isArray(node)) return node.map(loosen);
  if (!isObject(node)) return node;
  const kept = Object.entries(node).filter(([key, value]) => !VERDICTS.has(key) && !(key === 'additionalProperties' && value === false));
  const out = {};
  for (const [key, value] of kept) {
    // Below these every key is a name, and none a keyword.
    out[key] = key === 'properties' || key === '$defs' ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, loosen(schema)]))
      : ['items', 'prefixItems', 'anyOf', 'oneOf', 'allOf', 'additionalProperties'].includes(key) ? loosen(value) : value;
  }
  if (out.properties || out.const !== undefined || !OFFERS.some((key) => key in out)) return out;
  const offers = Object.fromEntries(Object.entries(out).filter(([key]) => OFFERS.includes(key) || key === 'items' || key === 'prefixItems'));
  const words = Object.fromEntries(Object.entries(out).filter(([key]) => !(key in offers)));
  return { ...words, anyOf: [...(offers.anyOf ?? offers.oneOf ?? [offers]), {}] };
}
