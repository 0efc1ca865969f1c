//! Whether a store agrees with itself: what is counted as it goes, against what is there.

use frontdesk_model::Result;
use frontdesk_store::{Tx, args};

/// What must not exist, and how to count it.
const RULES: &[(&str, &str)] = &[
    (
        "threads that miscount their contents",
        "SELECT count(*) FROM threads
         WHERE contents_count <> (SELECT count(*) FROM contents WHERE contents.thread_id = threads.id)",
    ),
    (
        "threads whose last content is at another time",
        "SELECT count(*) FROM threads WHERE contents_count > 0 AND (last_content_at, first_content_at) <>
           (SELECT max(created_at), min(created_at) FROM contents WHERE contents.thread_id = threads.id)",
    ),
    (
        "threads that miscount their interventions",
        "SELECT count(*) FROM threads WHERE interventions_count <>
           (SELECT count(*) FROM interventions WHERE interventions.thread_id = threads.id)",
    ),
    (
        "sources that miscount their contents",
        "SELECT count(*) FROM source_counters
         LEFT JOIN (SELECT source_id, count(*) AS contents FROM contents GROUP BY source_id) AS counted
           ON counted.source_id = source_counters.source_id
         WHERE source_counters.contents <> coalesce(counted.contents, 0)",
    ),
    (
        "sources that miscount their threads",
        "SELECT count(*) FROM source_counters
         LEFT JOIN (SELECT source_id, count(*) AS threads FROM threads GROUP BY source_id) AS counted
           ON counted.source_id = source_counters.source_id
         WHERE source_counters.threads <> coalesce(counted.threads, 0)",
    ),
    (
        "contents that miscount their attachments",
        "SELECT count(*) FROM contents JOIN (
           SELECT content_id, count(*) AS attachments FROM attachments WHERE content_id IS NOT NULL GROUP BY content_id
         ) AS counted ON counted.content_id = contents.id
         WHERE contents.attachments_count <> counted.attachments",
    ),
    (
        "interventions that miscount their replies",
        "SELECT count(*) FROM interventions WHERE user_replies_count <>
           (SELECT count(*) FROM contents WHERE intervention_id = interventions.id AND status = 'user_reply')",
    ),
    (
        "contents whose channel's id is not remembered",
        "SELECT count(*) FROM contents WHERE foreign_id IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM content_keys WHERE content_keys.source_id = contents.source_id
             AND content_keys.object = contents.type AND content_keys.foreign_id = contents.foreign_id)",
    ),
    ("consumers that would deliver the past", "SELECT count(*) FROM consumers, log_head WHERE position < seq"),
];

/// The rules that are broken, and how often.
pub(super) fn wrong(tx: &mut dyn Tx) -> Result<Vec<String>> {
    tx.lift_time_limit()?;
    let mut wrong = Vec::new();
    for (what, sql) in RULES {
        let count: i64 = tx.one(sql, args![])?.get(0)?;
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    Ok(wrong)
}
