//! The one table of events' names: what the log says, the journal shows (`/events`) and webhooks tell. A kind of event has
//! the name by which the public platform tells of it, so a row is one name and who is told.

/// Whether there are events of this kind.
pub fn is_known(kind: &str) -> bool {
    [BOTH, JOURNAL_ONLY, WEBHOOKS_ONLY, OURS].iter().any(|names| names.binary_search(&kind).is_ok())
}

/// Events of the journal that webhooks can be registered for.
pub const BOTH: &[&str] = &[
    "content.approved",
    "content.discussion_initiated",
    "content.imported",
    "content.replied",
    "content.thread_auto_closed",
    "content.thread_closed",
    "content.thread_opened",
    "identity.merged",
    "identity.unmerged",
    "intervention.assigned",
    "intervention.canceled",
    "intervention.closed",
    "intervention.custom_fields_updated",
    "intervention.deferred",
    "intervention.opened",
    "intervention.reactivated",
    "intervention.recategorized",
    "intervention.reopened",
    "intervention.user_updated",
    "intervention_segment.summary_generated",
    "intervention_segment.summary_generation_failed",
    "intervention_segment.summary_submitted",
    "push_agent.availability_change",
    "push_agent.connected",
    "push_agent.disconnected",
    "push_agent.missed_task",
    "survey_response.imported",
    "task.assigned",
    "task.completed",
    "task.created",
    "task.destroyed",
    "task.expired_from_step",
    "task.expired_from_workbin",
    "task.resume",
    "task.supervisor_assigned",
    "task.taken",
    "task.transferred",
];

/// Events of webhooks that the journal does not have.
pub const WEBHOOKS_ONLY: &[&str] = &[
    "content.exported",
    "content.update_exported",
    "push_agent.accept_task",
    "push_agent.busyness_change",
    "push_agent.reconnected",
    "push_agent.request_task",
    "task.recategorized",
    "task.undelivered",
];

/// Events that only the log has.
pub const OURS: &[&str] = &[
    "attachment.fetch_failed",
    "attachment.fetched",
    "content.action_requested",
    "content.auto_answered",
    "content.handed_over",
    "content.read",
    "content.refresh_requested",
    "content_thread.noticed",
    "content_thread.text_input_disabled",
    "content_thread.text_input_enabled",
    "content_thread.visited",
    "identity.created",
    "identity_group.created",
    "identity_group.destroyed",
    "presence_status.created",
    "presence_status.destroyed",
    "presence_status.updated",
    "reply_assistant_knowledge_base_group.created",
    "reply_assistant_knowledge_base_group.destroyed",
    "reply_assistant_knowledge_base_group.updated",
    "service_level.expired",
    "service_level.warning",
    "session.refused",
    "task.updated",
    "webhook.test",
];

/// Events of the journal that webhooks are not told of.
pub const JOURNAL_ONLY: &[&str] = &[
    "alert_notification.created",
    "alert_notification.destroyed",
    "alert_notification.updated",
    "api_access_token.created",
    "api_access_token.destroyed",
    "api_access_token.updated",
    "apple_business_chat.form.created",
    "apple_business_chat.form.destroyed",
    "apple_business_chat.form.updated",
    "automatic_exports_task.created",
    "automatic_exports_task.destroyed",
    "automatic_exports_task.failed",
    "automatic_exports_task.succeed",
    "automatic_exports_task.updated",
    "capability_scheme.created",
    "capability_scheme.destroyed",
    "capability_scheme.updated",
    "case.created",
    "case.created_on_intervention",
    "case.intervention_added",
    "case.intervention_removed",
    "case.thread_added",
    "case.thread_removed",
    "category.created",
    "category.destroyed",
    "category.updated",
    "channel.created",
    "channel.destroyed",
    "channel.updated",
    "chat.catalog.automatic_message.created",
    "chat.catalog.automatic_message.destroyed",
    "chat.catalog.automatic_message.updated",
    "chat.catalog.button.created",
    "chat.catalog.button.destroyed",
    "chat.catalog.button.updated",
    "chat.catalog.invitation.created",
    "chat.catalog.invitation.destroyed",
    "chat.catalog.invitation.updated",
    "chat.custom_variable.created",
    "chat.custom_variable.destroyed",
    "chat.custom_variable.updated",
    "chat.trigger.created",
    "chat.trigger.destroyed",
    "chat.trigger.updated",
    "community.created",
    "community.destroyed",
    "community.failure_acknowledged",
    "community.updated",
    "content.admin_stamped",
    "content.agent_assist_used",
    "content.anonymized",
    "content.api_submission_failed",
    "content.approval_requested",
    "content.author_blocked",
    "content.author_muted_ignored",
    "content.author_stamped",
    "content.author_unblocked",
    "content.auto_categorization_infirmed",
    "content.auto_categorization_not_precise",
    "content.auto_categorized",
    "content.auto_ignored",
    "content.categorized",
    "content.cobrowsing_control_started",
    "content.cobrowsing_control_stoped",
    "content.cobrowsing_started",
    "content.cobrowsing_stoped",
    "content.destroyed",
    "content.discussion_planned",
    "content.draft_created",
    "content.draft_discarded",
    "content.draft_updated",
    "content.forwarded",
    "content.ice_nth_content_ignored",
    "content.ignored",
    "content.language_updated",
    "content.liked",
    "content.marked_as_spam",
    "content.planned_discussion_synchronized",
    "content.published",
    "content.recategorized",
    "content.reply_assistant_used",
    "content.retried_synchronization",
    "content.retweeted",
    "content.source_changed",
    "content.stared",
    "content.thread_muted_ignored",
    "content.unliked",
    "content.unpublished",
    "content.unretweeted",
    "content.unstamped",
    "content.unstared",
    "content.updated",
    "content_source.auto_disabled",
    "content_source.created",
    "content_source.destroyed",
    "content_source.failure_acknowledged",
    "content_source.updated",
    "content_thread.categorized",
    "content_thread.created",
    "content_thread.destroyed",
    "content_thread.muted",
    "content_thread.recategorized",
    "content_thread.unmuted",
    "custom_field.created",
    "custom_field.destroyed",
    "custom_field.updated",
    "custom_notification.created",
    "custom_notification.destroyed",
    "custom_notification.updated",
    "emails.template.created",
    "emails.template.destroyed",
    "emails.template.updated",
    "escalate_to_video.meeting_accepted",
    "escalate_to_video.meeting_created",
    "escalate_to_video.meeting_rejected",
    "escalate_to_video.meeting_requested",
    "escalate_to_video.recording_received",
    "expired_data_purge.deleted",
    "export.created",
    "export.requested",
    "extension.created",
    "extension.destroyed",
    "extension.updated",
    "folder.created",
    "folder.destroyed",
    "folder.updated",
    "identity.anonymized",
    "identity.api_blocked",
    "identity.api_unblocked",
    "identity.export_created",
    "identity.export_requested",
    "identity.followed",
    "identity.muted",
    "identity.unanonymized",
    "identity.unfollowed",
    "identity.unmuted",
    "identity.updated",
    "identity_group.locked",
    "identity_group.unlocked",
    "identity_group.updated",
    "identity_list.created",
    "identity_list.destroyed",
    "identity_list.updated",
    "intervention.closed_confirmation_missed",
    "intervention.closed_confirmation_rejected",
    "intervention.closed_confirmation_success",
    "intervention_comment.created",
    "intervention_comment.destroyed",
    "javascript_sdk_application.created",
    "javascript_sdk_application.destroyed",
    "javascript_sdk_application.updated",
    "javascript_sdk_installation.created",
    "javascript_sdk_installation.destroyed",
    "javascript_sdk_installation.updated",
    "mobile_messaging.catalog.automatic_message.created",
    "mobile_messaging.catalog.automatic_message.destroyed",
    "mobile_messaging.catalog.automatic_message.updated",
    "mobile_messaging.catalog.button.created",
    "mobile_messaging.catalog.button.destroyed",
    "mobile_messaging.catalog.button.updated",
    "mobile_messaging.catalog.invitation.created",
    "mobile_messaging.catalog.invitation.destroyed",
    "mobile_messaging.catalog.invitation.updated",
    "mobile_messaging.custom_variable.created",
    "mobile_messaging.custom_variable.destroyed",
    "mobile_messaging.custom_variable.updated",
    "mobile_messaging.email_notifications.template.created",
    "mobile_messaging.email_notifications.template.destroyed",
    "mobile_messaging.email_notifications.template.updated",
    "mobile_messaging.trigger.created",
    "mobile_messaging.trigger.destroyed",
    "mobile_messaging.trigger.updated",
    "native_surveys/survey_model.created",
    "native_surveys/survey_model.destroyed",
    "native_surveys/survey_model.updated",
    "password.updated",
    "reply_assistant_knowledge_base_entry.created",
    "reply_assistant_knowledge_base_entry.destroyed",
    "reply_assistant_knowledge_base_entry.updated",
    "reply_assistant_knowledge_base_version.created",
    "reply_assistant_knowledge_base_version.destroyed",
    "reply_assistant_knowledge_base_version.updated",
    "role.created",
    "role.destroyed",
    "role.updated",
    "rules_engine_rule.created",
    "rules_engine_rule.destroyed",
    "rules_engine_rule.updated",
    "security.updated",
    "session.created",
    "session.destroyed",
    "settings.updated",
    "survey.created",
    "survey.destroyed",
    "survey.sent",
    "survey.updated",
    "tag.created",
    "tag.destroyed",
    "tag.updated",
    "task.enqueued",
    "task.ht_result",
    "task.ocr_failed",
    "task.priority_rule_applied",
    "task.priority_updated",
    "team.created",
    "team.destroyed",
    "team.updated",
    "time_sheet.created",
    "time_sheet.destroyed",
    "time_sheet.updated",
    "topology.activated",
    "topology.created",
    "topology.destroyed",
    "topology.updated",
    "user.categories_added",
    "user.categories_removed",
    "user.created",
    "user.destroyed",
    "user.disconnected",
    "user.impersonated",
    "user.invited",
    "user.notifications_auto_disabled",
    "user.notifications_updated",
    "user.password_recovery_instructions_sent",
    "user.updated",
    "virtual_agent.created",
    "virtual_agent.destroyed",
    "virtual_agent.handover",
    "virtual_agent.updated",
    "webhook.created",
    "webhook.destroyed",
    "webhook.disabled",
    "webhook.restored",
    "webhook.suspended",
    "webhook.updated",
];

/// The names of the journal; there are 272.
pub const JOURNAL: &[&str] = &names::<{ BOTH.len() + JOURNAL_ONLY.len() }>(BOTH, JOURNAL_ONLY);
/// The kinds that the journal leaves out.
pub const UNTOLD: &[&str] = &names::<{ WEBHOOKS_ONLY.len() + OURS.len() }>(WEBHOOKS_ONLY, OURS);

const fn names<const COUNT: usize>(some: &[&'static str], more: &[&'static str]) -> [&'static str; COUNT] {
    let mut all = [""; COUNT];
    let mut place = 0;
    while place < COUNT {
        all[place] = if place < some.len() { some[place] } else { more[place - some.len()] };
        place += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn there_are_272_names_in_59_families_and_8_that_only_webhooks_tell() {
        for names in [BOTH, JOURNAL_ONLY, WEBHOOKS_ONLY, OURS] {
            assert!(names.is_sorted(), "{names:?}");
        }
        let distinct: BTreeSet<&str> = JOURNAL.iter().chain(UNTOLD).copied().collect();
        assert_eq!((JOURNAL.len(), WEBHOOKS_ONLY.len()), (272, 8));
        assert_eq!(distinct.len(), JOURNAL.len() + UNTOLD.len());
        let families: BTreeSet<&str> = JOURNAL.iter().filter_map(|name| Some(name.rsplit_once('.')?.0)).collect();
        assert_eq!(families.len(), 59);
        // Reading D3: the union of both published lists.
        assert_eq!(BOTH.len() + WEBHOOKS_ONLY.len(), 45);
        for (kind, known) in [
            ("content.replied", true),
            ("content.exported", true),
            ("role.created", true),
            ("content.lost", false),
            ("folders.created", false),
        ] {
            assert_eq!(is_known(kind), known, "{kind}");
        }
    }

    /// Every literal of the product that looks like an event is one of the table; one of a family that there is not
    /// fails when it is made ([`crate::event::NewEvent::new`]).
    #[test]
    fn every_event_that_is_appended_has_a_row() {
        let literals = literals();
        let missing: Vec<&String> = literals.iter().filter(|literal| !is_known(literal)).collect();
        assert!(literals.len() > 30 && missing.is_empty(), "{} seen, in no row: {missing:?}", literals.len());
    }

    /// The page for integrators lists precisely the names that the product has no use for.
    #[test]
    fn every_name_happens_or_is_said_not_to() {
        let literals = literals();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let (_, section) = page.split_once("## Events that do not happen\n").expect("the section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
        let patterns: Vec<&str> = rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
        let fits = |pattern: &str, name: &str| match pattern.split_once('*') {
            Some((head, tail)) => {
                name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
            }
            None => pattern == name,
        };
        for name in JOURNAL {
            // The catalogue of a window makes the names of its objects out of their parts.
            let is_made = name.starts_with("chat.") || name.starts_with("mobile_messaging.");
            let happens = is_made || literals.contains(*name);
            let rows = patterns.iter().filter(|pattern| fits(pattern, name)).count();
            assert_eq!(rows, usize::from(!happens), "{name}");
        }
        let idle: Vec<&&str> = patterns.iter().filter(|row| !JOURNAL.iter().any(|name| fits(row, name))).collect();
        assert!(patterns.len() > 20 && idle.is_empty(), "{idle:?}");
    }

    /// Every event that the product appends, and of which anybody is told, is looked for by a story. Those that only the
    /// log has are no promise: what follows from them is what stories tell.
    #[test]
    fn every_event_that_is_told_is_looked_for_by_a_story() {
        let mut stories = String::new();
        for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stories")) {
            stories += &std::fs::read_to_string(file).expect("a file");
        }
        let is_looked_for = |kind: &str| {
            let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_ascii_lowercase() || "._".contains(next));
            stories.match_indices(kind).any(|(at, _)| !goes_on(&stories[at + kind.len()..]))
        };
        let missing: Vec<String> =
            literals().into_iter().filter(|kind| !OURS.contains(&&**kind) && !is_looked_for(kind)).collect();
        assert!(stories.len() > 100_000 && missing.is_empty(), "no story looks for {missing:?}");
    }

    /// What looks like an event in the product.
    fn literals() -> BTreeSet<String> {
        let families: BTreeSet<&str> = JOURNAL.iter().chain(UNTOLD).filter_map(|name| name.split('.').next()).collect();
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // What channels call their messages is no event of ours.
        let channels = crates.join("sources");
        let mut found = BTreeSet::new();
        for file in sources(&crates).into_iter().filter(|file| !file.starts_with(&channels)) {
            let text = std::fs::read_to_string(&file).expect("a file");
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for literal in text.split('"').skip(1).step_by(2) {
                let is_word =
                    |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                let mut words = literal.split('.');
                let is_file = literal.ends_with(".html");
                let is_event = !is_file && words.next().is_some_and(|family| families.contains(family));
                if is_event && literal.contains('.') && literal.split('.').all(is_word) && !literal.ends_with("_id") {
                    found.insert(literal.to_owned());
                }
            }
        }
        found
    }

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                files.extend(sources(&path));
            } else if name.ends_with(".rs") && name != "tests.rs" && name != "journal.rs" {
                files.push(path);
            }
        }
        files
    }
}
