import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // Most of the time is spent waiting for pages.
    maxWorkers: 4,
    // A browser on a busy machine takes its time; nothing here waits by the clock.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
