// All tests of this folder. What failed among the others runs once more, alone: a machine that stands still for seconds can
// break a browser story. Who passes only then is told as unsteady, which is a defect to mend. `npm test` runs this; what
// follows it goes to vitest.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// More are no accident.
const FAILURES_MAX = 4;

const folder = mkdtempSync(join(tmpdir(), 'frontdesk-web-'));
const report = join(folder, 'report.json');
/** @param {string[]} more */
const vitest = (...more) => spawnSync('npx', ['vitest', 'run', ...more], { stdio: 'inherit' }).status ?? 1;

let code = vitest('--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2));
if (code) {
  /** @type {{ name: string; status: string; assertionResults: { status: string; fullName: string }[] }[]} */
  const results = JSON.parse(readFileSync(report, 'utf8')).testResults;
  const files = results.filter(({ status }) => status === 'failed');
  const failed = files.flatMap(({ assertionResults }) => assertionResults.filter((one) => one.status === 'failed'));
  // A file that fails without a test of its own was not even read.
  if (failed.length && failed.length <= FAILURES_MAX && files.every((file) => file.assertionResults.length)) {
    console.log(`\nonce more, alone: ${failed.map(({ fullName }) => fullName).join(' | ')}`);
    code = vitest('--maxWorkers=1', '--no-file-parallelism', ...files.map(({ name }) => name));
    if (!code) for (const { fullName } of failed) console.log(`UNSTEADY, passed only alone: ${fullName}`);
  }
}
rmSync(folder, { recursive: true, force: true });
process.exit(code);
