//! Tools that read, each in a file of its own.

mod list_categories;
mod read_conversation;
mod read_identity;
mod search_threads;

use frontdesk_rest::Rest;

use super::tools::{Effect, Tool};

const NAME_CHARACTERS_MAX: usize = 200;
/// Of notes, extra values and custom fields each.
const NOTES_CHARACTERS_MAX: usize = 4_000;

pub(super) fn tools(rest: &Rest) -> Vec<Tool> {
    let language = rest.operation("getAllThreads").map(|operation| operation.notes).unwrap_or_default();
    vec![
        Tool::new(
            "search_threads",
            "Search threads",
            "Finds conversations on the sources that you may read, the latest first. Without q it lists all of them.",
            Effect::Reads,
            |_| true,
            search_threads::search_threads,
        )
        .explain("q", &format!(" {language}")),
        Tool::new(
            "read_conversation",
            "Read a conversation",
            "Reads a thread: its contents oldest first, its interventions and the comments on them. Without offset it \
             shows the latest contents; go back with a smaller offset. Long texts are cut: ask for fewer contents at \
             once to see more of each.",
            Effect::Reads,
            |_| true,
            read_conversation::read_conversation,
        ),
        Tool::new(
            "read_identity",
            "Read a customer",
            "Reads what is known about a customer: their identity on one channel, and the group of all their \
             identities, with notes, tags and custom fields.",
            Effect::Reads,
            |_| true,
            read_identity::read_identity,
        ),
        Tool::new(
            "list_categories",
            "List categories",
            "Lists the categories into which threads and interventions are sorted. They make trees: parent_id says what \
             is above.",
            Effect::Reads,
            |_| true,
            list_categories::list_categories,
        ),
    ]
}

fn window(offset: Option<i64>, limit: Option<i64>, default: i64, max: i64) -> (i64, i64) {
    (offset.unwrap_or(0).max(0), limit.unwrap_or(default).clamp(1, max))
}
