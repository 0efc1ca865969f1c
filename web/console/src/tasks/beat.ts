// Says every 20 seconds that it is time to tell the server that the agent is there. In a worker, because browsers slow down
// the clocks of pages that nobody looks at, and the server gives an agent up after a minute (docs/integrator/routing.md).

setInterval(() => postMessage(undefined), 20_000);
