// Type-checked rules for all TypeScript, and the walls between rooms: who may import what.
import tseslint from 'typescript-eslint';

const root = import.meta.dirname;
const pure = ['contract', 'telemetry', 'samples', 'present', 'config', 'protocol'];

const editorModule = { regex: '^vscode$', message: 'Only src/extension.ts and src/editor/ know the editor.' };
const nodeModules = { regex: '^(node:|fs$|path$|os$|child_process$|crypto$|util$|events$|stream(/|$))', message: 'A pure room runs in the browser too: no Node modules.' };
const editorRooms = { regex: '/editor(/|$)', message: 'The editor stands on this room, not the other way round.' };
const commandRoom = { regex: '/cli(/|$)', message: 'Nothing stands on the command line but itself.' };
const nodeRooms = { regex: '/(rundir|launch|sampler|editor|cli)(/|$)', message: `May import pure rooms only: ${pure.join(', ')}.` };

const belowRundir = [editorModule, editorRooms, commandRoom, { regex: '/(launch|sampler)(/|$)', message: 'Reading a run knows nothing of starting one.' }];
const plainFiles = {
  regex: '^(node:)?fs(/promises)?$', importNames: ['open', 'openSync', 'readFile', 'readFileSync', 'createReadStream'],
  message: 'A run folder may hold pipes, links and endless files: open them with openPlain, read them with readPlain or readEnd.',
};

/** The imports that files of these folders must not have. */
const wall = (files, ...patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } });

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'stage/', '.cache/', '.venv/', '.venv-bench/', 'demo-workspace/', 'src/contract/generated.ts'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'tsconfig.webview.json', 'tsconfig.test.json'],
        tsconfigRootDir: root,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false, arguments: false } }],
      eqeqeq: ['error', 'always'],
      'max-len': ['error', { code: 140, ignoreUrls: true, ignoreTemplateLiterals: true, ignoreStrings: true, ignoreRegExpLiterals: true }],
    },
  },
  // Scripts are plain JavaScript without types: the rules that need none.
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.js'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  wall(pure.map((room) => `src/${room}/**/*.ts`), editorModule, nodeModules, nodeRooms),
  wall(['src/rundir/**/*.ts'], ...belowRundir, plainFiles),
  wall(['src/rundir/plainFile.ts'], ...belowRundir),
  wall(['src/launch/**/*.ts', 'src/sampler/**/*.ts', 'src/cli/**/*.ts'], editorModule, editorRooms),
  wall(['src/launch/**/*.ts', 'src/sampler/**/*.ts'], editorModule, editorRooms, commandRoom),
  wall(['src/extension.ts', 'src/editor/**/*.ts'], commandRoom),
  {
    files: ['src/editor/**/*.ts'],
    ignores: ['src/editor/notify.ts'],
    rules: { 'no-restricted-syntax': ['error', { selector: 'Identifier[name=/^(show(Information|Warning|Error)Message|Notification)$/]', message: 'Notifications go through notify.ts: it makes their text plain.' }] },
  },
  wall(['webview/**/*.ts'], editorModule, nodeModules, nodeRooms),
  wall(['test/unit/**/*.ts', 'test/e2e/**/*.ts', 'test/harness/**/*.ts'], editorModule),
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/no-unused-expressions': 'off' } },
);
