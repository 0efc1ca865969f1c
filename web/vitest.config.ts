import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // A browser on a busy machine takes its time; nothing here waits by the clock.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
