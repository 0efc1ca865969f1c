//! Finding conversations.

use frontdesk_model::{Id, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{NAME_CHARACTERS_MAX, window};
use crate::mcp::text::{Fence, cut, row};
use crate::mcp::tools::{Desk, Page, Told};

const THREADS_DEFAULT: i64 = 10;
const THREADS_MAX: i64 = 25;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// What to look for.
    q: Option<String>,
    /// How many threads to skip.
    #[schemars(range(min = 0))]
    offset: Option<i64>,
    /// How many threads to return: 10 when absent, at most 25.
    #[schemars(range(min = 1, max = THREADS_MAX))]
    limit: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Threads {
    /// How many there are; of very many, at least so many.
    count: i64,
    offset: i64,
    threads: Vec<Thread>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Thread {
    id: Id,
    source_id: Id,
    /// Its title: often the customer's words.
    #[serde(rename(serialize = "untrusted_title"))]
    title: Option<String>,
    /// Whether nobody can reply any more.
    closed: bool,
    pub(super) contents_count: i64,
    interventions_count: i64,
    /// Those of the thread and of its interventions.
    category_ids: Vec<Id>,
    /// Those of the thread alone.
    thread_category_ids: Vec<Id>,
    created_at: String,
    updated_at: String,
}

impl Thread {
    pub(super) fn shortened(mut self) -> Thread {
        self.title = self.title.map(|title| cut(&title, NAME_CHARACTERS_MAX).0);
        self
    }

    pub(super) fn tell(&self, fence: &Fence) -> String {
        let Thread { id, source_id, contents_count, interventions_count, category_ids, updated_at, .. } = self;
        let closed = if self.closed { ", closed" } else { "" };
        let mut text = format!(
            "Thread {id} on source {source_id}: {contents_count} contents, {interventions_count} interventions{closed}, \
             changed {updated_at}, categories {}\n",
            row(category_ids)
        );
        if let Some(title) = &self.title {
            text.push_str(&fence.around(title));
        }
        text
    }
}

impl Told for Threads {
    fn tell(&self, fence: &Fence) -> String {
        let mut text = format!("{} threads in all, shown from number {}.\n", self.count, self.offset);
        text.push_str(&fence.explain());
        self.threads.iter().for_each(|thread| text.push_str(&thread.tell(fence)));
        text
    }
}

pub(super) async fn search_threads(desk: Desk, asked: Search) -> Result<Threads> {
    let (offset, limit) = window(asked.offset, asked.limit, THREADS_DEFAULT, THREADS_MAX);
    let parameters = json!({ "q": asked.q.unwrap_or_default(), "offset": offset, "limit": limit });
    let page: Page<Thread> = desk.run("getAllThreads", &[], parameters).await?;
    let threads = page.records.into_iter().map(Thread::shortened).collect();
    Ok(Threads { count: page.count, offset, threads })
}
