//! Who may see an event: the one rule of webhooks, the live stream and the journal. Whoever is told of events asks it in
//! memory ([`Listener::may_see`]), a search of the log as SQL ([`Listener::limit`]).

use std::collections::HashMap;

use frontdesk_model::event::id_in;
use frontdesk_model::journal::JOURNAL;
use frontdesk_model::{Caller, Event, Id, Permission, Result, SourceRight};
use frontdesk_people::teams;
use frontdesk_store::{Filter, Piece, Tx, args};
use serde_json::{Map, Value};

use crate::identities;
use crate::notifications::Notification;

/// In the payload of a task's event: who had the task, before or after. Not told; it decides who is told.
pub const CONCERNED: &str = "concerned";

/// Who may see an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Who may read this source.
    Source(Id),
    /// Who of them sees the task: who monitors tasks or may search the account's events, whom it concerns, and who monitors
    /// one of these.
    Task(Id, Vec<Id>),
    /// Who may see the identities of this community.
    Community(Id),
    /// Who may search the account's events.
    Account,
    /// This agent, and who monitors tasks, or those of a team that they lead and the agent belongs to, or may search the
    /// account's events.
    Agent(Id),
    /// Nobody can say any more where it belonged: who reads every source.
    EverySource,
    /// It cannot be told: something about it is broken.
    Nobody,
}

/// Where events are at home that say neither a source nor a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Home {
    /// In the community of the identity that they are about.
    Community,
    /// With the agent whom they are about.
    Agent,
    Account,
    /// On some source, of which nothing is known.
    Lost,
}

/// Events of the account. What is in no row here happens on sources, and is kept from whoever may not read them all.
const OF_THE_ACCOUNT: [&str; 36] = [
    "alert_notification",
    "api_access_token",
    "automatic_exports_task",
    "capability_scheme",
    "category",
    "channel",
    "community",
    "custom_field",
    "custom_notification",
    "emails",
    "expired_data_purge",
    "export",
    "extension",
    "folder",
    "identity_list",
    "javascript_sdk_application",
    "javascript_sdk_installation",
    "native_surveys/survey_model",
    "password",
    "presence_status",
    "reply_assistant_knowledge_base_entry",
    "reply_assistant_knowledge_base_group",
    "reply_assistant_knowledge_base_version",
    "role",
    "rules_engine_rule",
    "security",
    "session",
    "settings",
    "survey",
    "tag",
    "team",
    "time_sheet",
    "topology",
    "user",
    "virtual_agent",
    "webhook",
];

fn home(kind: &str) -> Home {
    match family_of(kind) {
        "identity" => Home::Community,
        "push_agent" => Home::Agent,
        // The letters about unread messages are the account's, unlike everything else of windows.
        "mobile_messaging" if kind.starts_with("mobile_messaging.email_notifications.") => Home::Account,
        family if OF_THE_ACCOUNT.binary_search(&family).is_ok() => Home::Account,
        _ => Home::Lost,
    }
}

/// The noun that an event's name begins with.
pub(crate) fn family_of(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// Who may see an event that happened on this source, if on any. Of what it tells, `told`, takes away what is only to decide
/// that. `communities`: of the identities that are still there.
pub(crate) fn of(
    event: &Event,
    told: &mut Map<String, Value>,
    source_id: Option<Id>,
    communities: &HashMap<Id, Id>,
) -> Audience {
    let concerned = match (family_of(&event.kind), told.remove(CONCERNED)) {
        ("task", ids) => Some(ids.and_then(|ids| serde_json::from_value(ids).ok()).unwrap_or_default()),
        // What an agent promised is about their task; what was promised to a customer is everybody's.
        ("service_level", _) => id_in(told, "user_id").map(|user_id| vec![user_id]),
        _ => None,
    };
    match (source_id, concerned) {
        (Some(source_id), Some(concerned)) => return Audience::Task(source_id, concerned),
        (Some(source_id), None) => return Audience::Source(source_id),
        (None, _) if event.thread_id.is_some() => return Audience::EverySource,
        (None, _) => {}
    }
    match home(&event.kind) {
        Home::Community => {
            communities.get(&event.object_id).map_or(Audience::EverySource, |id| Audience::Community(*id))
        }
        Home::Agent => Audience::Agent(event.object_id),
        Home::Account => Audience::Account,
        Home::Lost => Audience::EverySource,
    }
}

/// Somebody who is told of events, with what decides which.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The user.
    pub caller: Caller,
    communities: Vec<Id>,
    reads_every_source: bool,
    /// Whose tasks they see, unless they see all.
    watched: Vec<Id>,
    /// Whose presence they see, unless they see all, beside their own; in order.
    led: Vec<Id>,
}

impl Listener {
    /// With their rights as they are now.
    pub fn load(tx: &mut dyn Tx, caller: Caller) -> Result<Listener> {
        let communities = identities::readable_communities(tx, &caller, None)?;
        let all: i64 = tx.one("SELECT count(*) FROM sources", args![])?.get(0)?;
        let reads_every_source = usize::try_from(all) == Ok(caller.sources_with(SourceRight::Read).len());
        let (mut watched, mut led) = (vec![caller.user_id], Vec::new());
        if caller.may(Permission::MonitorTeamTasks) {
            led = teams::led_members(tx, caller.user_id)?;
            watched.extend(teams::mates(tx, caller.user_id)?);
            // In an order, so that who sees the same is known to (`sees_the_same`).
            watched.sort_unstable();
            watched.dedup();
        }
        Ok(Listener { caller, communities, reads_every_source, watched, led })
    }

    /// Whether neither may do or see what the other may not.
    pub(crate) fn sees_the_same(&self, other: &Listener) -> bool {
        self.caller.permissions == other.caller.permissions
            && self.caller.sources == other.caller.sources
            && self.communities == other.communities
            && self.watched == other.watched
            && self.led == other.led
    }

    /// Whether they may be told.
    pub fn may_see(&self, notification: &Notification) -> bool {
        match &notification.audience {
            Audience::Source(id) => self.caller.may_on(*id, SourceRight::Read),
            Audience::Task(source_id, concerned) => {
                self.caller.may_on(*source_id, SourceRight::Read)
                    && (self.sees_every_agent() || concerned.iter().any(|id| self.watched.contains(id)))
            }
            Audience::Community(id) => self.communities.binary_search(id).is_ok(),
            Audience::Account => self.caller.may(Permission::SearchEvent),
            Audience::Agent(id) => {
                self.caller.user_id == *id || self.led.binary_search(id).is_ok() || self.sees_every_agent()
            }
            Audience::EverySource => self.reads_every_source,
            Audience::Nobody => false,
        }
    }

    fn sees_every_agent(&self) -> bool {
        [Permission::MonitorTasks, Permission::SearchEvent].iter().any(|permission| self.caller.may(*permission))
    }

    /// The same of entries of the log, for who may search the account's events: only what they may see. A condition that
    /// everything meets is left out: it would only lead the engine away from the order that is wanted.
    pub(crate) fn limit(&self, tx: &mut dyn Tx, filter: &mut Filter) -> Result<()> {
        let dialect = tx.dialect();
        let of = |wanted: Home| quoted(JOURNAL.iter().copied().filter(|kind| home(kind) == wanted));
        let has_no_place = "log.source_id IS NULL AND log.thread_id IS NULL";
        let of_identities = of(Home::Community);
        let identity = |community: Piece| {
            community.within("EXISTS (SELECT 1 FROM identities WHERE identities.id = log.object_id AND {})")
        };
        let community = Piece::one_of(dialect, "identities.community_id", &self.communities);
        if self.reads_every_source {
            if !identities::are_all_communities(tx, &self.communities)? {
                let is_another = identity(community.within("NOT ({})"));
                filter.and_piece(
                    is_another.within(&format!("NOT ({has_no_place} AND log.kind IN ({of_identities}) AND {{}})")),
                );
            }
            return Ok(());
        }
        let readable = self.caller.sources_with(SourceRight::Read);
        let on_source = Piece::one_of(dialect, "log.source_id", &readable).within("({} OR ");
        let in_thread = Piece::one_of(dialect, "threads.source_id", &readable).within(
            "log.source_id IS NULL
               AND EXISTS (SELECT 1 FROM threads WHERE threads.id = log.thread_id AND {}) OR ",
        );
        let (of_account, of_agents) = (of(Home::Account), of(Home::Agent));
        let elsewhere = identity(community).within(&format!(
            "{has_no_place}
               AND (log.kind IN ({of_account}, {of_agents}) OR log.kind IN ({of_identities}) AND {{}}))"
        ));
        filter.and_piece(on_source.followed_by(in_thread).followed_by(elsewhere));
        Ok(())
    }
}

/// Names of this program's own table, as SQL.
pub(crate) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_no_source_is_at_home_somewhere() {
        assert!(OF_THE_ACCOUNT.is_sorted());
        for (kind, expected) in [
            ("user.updated", Home::Account),
            ("mobile_messaging.email_notifications.template.created", Home::Account),
            ("mobile_messaging.trigger.created", Home::Lost),
            ("chat.catalog.button.updated", Home::Lost),
            ("content_source.updated", Home::Lost),
            ("identity.muted", Home::Community),
            ("identity_group.updated", Home::Lost),
            ("push_agent.connected", Home::Agent),
            ("content.imported", Home::Lost),
            ("something.new", Home::Lost),
        ] {
            assert_eq!(home(kind), expected, "{kind}");
        }
    }
}
