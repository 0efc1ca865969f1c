// Lists the tasks that wait or ring: what customers wrote, on its way to an agent.

const { FRONTDESK_URL, FRONTDESK_TOKEN } = process.env
const PAGE_RECORDS = 150 // the most that one answer holds

async function get(path, parameters) {
  const answer = await fetch(`${FRONTDESK_URL}/1.0${path}?${new URLSearchParams(parameters)}`, {
    headers: { Authorization: `Bearer ${FRONTDESK_TOKEN}` },
    signal: AbortSignal.timeout(30_000),
  })
  if (!answer.ok) {
    throw new Error(`${answer.status}: ${await answer.text()}`)
  }
  return answer.json()
}

let offset = 0
let count
do {
  const page = await get('/tasks', { queue: 'global', offset, limit: PAGE_RECORDS })
  for (const task of page.records) {
    console.log(task.id, task.priority, task.thread_id)
  }
  offset += PAGE_RECORDS
  count = page.count
} while (offset < count)
