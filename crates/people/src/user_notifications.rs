//! Of what a user wants a mail: seven switches, under the names of the public exports. Who sends those mails is
//! for others to know: this holds the switches.

use frontdesk_model::{Env, Id, Permission, Result};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{events, users};

/// Something that a user may want to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Occasion {
    /// A customer with a tag wrote.
    TaggedCustomer,
    /// A customer wrote in an intervention of the user's.
    OwnIntervention,
    /// A customer wrote on a source that the user may read.
    ReadableSource,
    /// An answer waits for somebody's approval.
    Approval,
    /// A thread got a category of the user's.
    OwnCategory,
    /// An intervention became the user's.
    Assigned,
    /// An intervention of the user's is deferred no longer.
    Reactivated,
}

impl Occasion {
    /// All of them, in the order of their names.
    pub const ALL: [Occasion; 7] = [
        Occasion::TaggedCustomer,
        Occasion::OwnIntervention,
        Occasion::ReadableSource,
        Occasion::Approval,
        Occasion::OwnCategory,
        Occasion::Assigned,
        Occasion::Reactivated,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Occasion::TaggedCustomer => "content_imported_in_identity_tags",
            Occasion::OwnIntervention => "content_imported_in_my_interventions",
            Occasion::ReadableSource => "content_imported_in_my_sources",
            Occasion::Approval => "content_requiring_approval",
            Occasion::OwnCategory => "content_thread_categorized_in_my_categories",
            Occasion::Assigned => "intervention_assigned",
            Occasion::Reactivated => "intervention_reactivated",
        }
    }
}

/// Of what a user gets a mail.
#[derive(Serialize, JsonSchema)]
struct UserNotifications {
    /// A customer with a tag wrote.
    content_imported_in_identity_tags: bool,
    /// A customer wrote in an intervention of theirs.
    content_imported_in_my_interventions: bool,
    /// A customer wrote on a source that they may read.
    content_imported_in_my_sources: bool,
    /// An answer waits for approval, and they may approve it.
    content_requiring_approval: bool,
    /// A thread got one of their categories.
    content_thread_categorized_in_my_categories: bool,
    /// An intervention became theirs, by somebody else.
    intervention_assigned: bool,
    /// An intervention of theirs is deferred no longer.
    intervention_reactivated: bool,
}

/// Parameters of `updateUserNotifications`; what is absent stays.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// A customer with a tag wrote.
    content_imported_in_identity_tags: Option<bool>,
    /// A customer wrote in an intervention of theirs.
    content_imported_in_my_interventions: Option<bool>,
    /// A customer wrote on a source that they may read.
    content_imported_in_my_sources: Option<bool>,
    /// An answer waits for approval, and they may approve it.
    content_requiring_approval: Option<bool>,
    /// A thread got one of their categories.
    content_thread_categorized_in_my_categories: Option<bool>,
    /// An intervention became theirs, by somebody else.
    intervention_assigned: Option<bool>,
    /// An intervention of theirs is deferred no longer.
    intervention_reactivated: Option<bool>,
}

impl Update {
    fn get(&self, occasion: Occasion) -> Option<bool> {
        match occasion {
            Occasion::TaggedCustomer => self.content_imported_in_identity_tags,
            Occasion::OwnIntervention => self.content_imported_in_my_interventions,
            Occasion::ReadableSource => self.content_imported_in_my_sources,
            Occasion::Approval => self.content_requiring_approval,
            Occasion::OwnCategory => self.content_thread_categorized_in_my_categories,
            Occasion::Assigned => self.intervention_assigned,
            Occasion::Reactivated => self.intervention_reactivated,
        }
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Users", "/users/{userId}/notifications");
    vec![
        Operation::read("getUserNotifications", Method::GET, path, show)
            .tag(tag)
            .summary("Reads of what a user gets a mail.")
            .notes("One's own; those of others need read_user, or a team of theirs that one leads.")
            .extension(),
        Operation::write("updateUserNotifications", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes of what a user gets a mail.")
            .notes(
                "One's own need manage_own_notifications; those of others update_user, or a team of theirs that one leads, \
                 and a role that holds all that theirs does. Nobody is told of what they may not read, nor of what they \
                 did themselves. Of one occasion in one thread a user gets a mail every 15 minutes at most.",
            )
            .extension(),
    ]
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<UserNotifications> {
    let id = call.id("userId", "user")?;
    users::find(tx, &call.caller, id)?;
    of(tx, id)
}

fn of(tx: &mut dyn Tx, user_id: Id) -> Result<UserNotifications> {
    let rows = tx.query("SELECT name FROM user_notifications WHERE user_id = $1", args![&user_id])?;
    let on = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<String>>>()?;
    let is_on = |occasion: Occasion| on.iter().any(|name| name == occasion.name());
    Ok(UserNotifications {
        content_imported_in_identity_tags: is_on(Occasion::TaggedCustomer),
        content_imported_in_my_interventions: is_on(Occasion::OwnIntervention),
        content_imported_in_my_sources: is_on(Occasion::ReadableSource),
        content_requiring_approval: is_on(Occasion::Approval),
        content_thread_categorized_in_my_categories: is_on(Occasion::OwnCategory),
        intervention_assigned: is_on(Occasion::Assigned),
        intervention_reactivated: is_on(Occasion::Reactivated),
    })
}

fn update(call: &Call, given: Update, tx: &mut dyn Tx) -> Result<UserNotifications> {
    let id = call.id("userId", "user")?;
    if id == call.caller.user_id {
        call.caller.require_any(&[Permission::ManageOwnNotifications, Permission::UpdateUser])?;
    } else {
        users::find_to_change(tx, &call.caller, id)?;
    }
    let mut changed = Vec::new();
    for occasion in Occasion::ALL {
        let sql = match given.get(occasion) {
            Some(true) => "INSERT INTO user_notifications (user_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            Some(false) => "DELETE FROM user_notifications WHERE user_id = $1 AND name = $2",
            None => continue,
        };
        if tx.execute(sql, args![&id, occasion.name()])? > 0 {
            changed.push(occasion.name());
        }
    }
    if !changed.is_empty() {
        tx.append(events::by(call, "user.notifications_updated", id, json!({ "changed": changed })));
    }
    of(tx, id)
}

/// What at least one user wants to hear of.
pub fn wanted(tx: &mut dyn Tx) -> Result<Vec<Occasion>> {
    let mut wanted = Vec::new();
    for occasion in Occasion::ALL {
        let sql = "SELECT 1 FROM user_notifications WHERE name = $1 LIMIT 1";
        if tx.first(sql, args![occasion.name()])?.is_some() {
            wanted.push(occasion);
        }
    }
    Ok(wanted)
}

/// Who wants to hear of something.
pub fn listeners(tx: &mut dyn Tx, occasion: Occasion) -> Result<Vec<Id>> {
    let sql = "SELECT user_id FROM user_notifications WHERE name = $1 ORDER BY user_id";
    tx.query(sql, args![occasion.name()])?.iter().map(|row| row.get(0)).collect()
}

/// Begins the key of a mail that somebody gets by a switch of theirs.
pub const MAIL_KEY: &str = "notification ";

/// A mail server refuses such a mail for good: a user whose address takes none is asked no more.
pub(crate) fn give_up(tx: &mut dyn Tx, env: &Env, user_id: Id) -> Result<()> {
    if tx.execute("DELETE FROM user_notifications WHERE user_id = $1", args![&user_id])? > 0 {
        tx.append(events::caused_by(None, env, "user.notifications_auto_disabled", user_id));
    }
    Ok(())
}
