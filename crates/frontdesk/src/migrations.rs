//! The ordered list of migrations; `migrations/README.md` holds its rules.

use frontdesk_store::Migration;

macro_rules! both {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }
    };
}

macro_rules! each {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".postgres.sql")),
        }
    };
}

/// Every migration, in order.
pub(crate) const ALL: &[Migration] = &[
    both!(1, "0001_log"),
    both!(2, "0002_people"),
    both!(3, "0003_conversations"),
    each!(4, "0004_contents"),
    both!(5, "0005_people"),
    both!(6, "0006_time"),
    both!(7, "0007_customers"),
    both!(8, "0008_desk"),
    each!(9, "0009_journal"),
    both!(10, "0010_contents_life"),
    each!(11, "0011_plans"),
    both!(12, "0012_category_jobs"),
    both!(13, "0013_identity_lists"),
    both!(14, "0014_webhooks"),
    both!(15, "0015_mails"),
    both!(16, "0016_polling"),
    both!(17, "0017_routing"),
    both!(18, "0018_tasks"),
    both!(19, "0019_service_levels"),
    both!(20, "0020_web_messaging"),
    both!(21, "0021_visitor_notices"),
    both!(22, "0022_tasks_kept"),
    each!(23, "0023_visitor_mails"),
    both!(24, "0024_unread_mails"),
    both!(25, "0025_sessions"),
    both!(26, "0026_passwords"),
    both!(27, "0027_single_sign_on"),
    both!(28, "0028_visitor_pages"),
    both!(29, "0029_push"),
    both!(30, "0030_thread_drafts"),
    both!(31, "0031_visitors_known"),
    both!(32, "0032_task_lines"),
    both!(33, "0033_reply_assistant"),
    both!(34, "0034_channel_quotas"),
    both!(35, "0035_channel_events"),
    both!(36, "0036_openid"),
    both!(37, "0037_channel_tokens"),
    both!(38, "0038_channel_profiles"),
    both!(39, "0039_user_notifications"),
    both!(40, "0040_reply_assistant_files"),
    both!(41, "0041_deliveries_begun"),
    each!(42, "0042_first_numbers"),
    both!(43, "0043_made_by"),
    both!(44, "0044_log_sources"),
];

#[cfg(test)]
mod tests {
    use frontdesk_store::{Store, args};

    /// What an empty store answers fast and a large one would not: these ways were measured (`make bench`).
    #[tokio::test]
    async fn sqlite_takes_the_ways_that_stay_short_in_a_large_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("new.db"), super::ALL).unwrap();
        let plans = store.read(|tx| {
            let mut plans = Vec::new();
            for sql in [
                "SELECT min(created_at) FROM contents WHERE intervention_id = $1 AND status = 'assigned'",
                "SELECT id FROM contents WHERE thread_id = $1 AND author_id = $1 AND intervention_id IS NULL",
                "SELECT id FROM contents WHERE thread_id = $1 AND status = 'new'",
                "SELECT 1 FROM interventions WHERE source_id <> $1 AND closed_at IS NULL AND NOT reopened",
                "SELECT id FROM interventions WHERE source_id <> $1 ORDER BY created_at DESC, id DESC LIMIT 30",
                "SELECT id FROM threads WHERE source_id <> $1 ORDER BY last_content_at DESC, id DESC LIMIT 30",
                "SELECT id FROM threads WHERE +first_number < 7 OR +id = $1 ORDER BY last_content_at DESC, id DESC LIMIT 30",
            ] {
                let rows =
                    tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), args![&frontdesk_model::Id::from_parts(1, 1)])?;
                let steps = rows.iter().map(|row| row.get(3)).collect::<frontdesk_model::Result<Vec<String>>>()?;
                plans.push(steps.join("; "));
            }
            Ok(plans)
        });
        let plans = plans.await.unwrap();
        for (plan, index) in plans.iter().zip([
            "contents_intervention",
            "contents_author",
            "contents_thread",
            "COVERING INDEX interventions_opened",
            "interventions_age",
            "threads_activity",
            "COVERING INDEX threads_activity",
        ]) {
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE") && !plan.contains("ANY("), "{plan}");
        }
    }
}
