// Lists the threads that an agent can engage: those where a customer's message waits for somebody.

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
  const page = await get('/content_threads', { q: 'status_in:new', offset, limit: PAGE_RECORDS })
  for (const thread of page.records) {
    console.log(thread.id, thread.contents_count, thread.title || thread.foreign_id || '-')
  }
  offset += PAGE_RECORDS
  count = page.count
} while (offset < count)
