//! What users may do on sources, under the words of the wire.

use std::borrow::Cow;
use std::collections::BTreeMap;

use frontdesk_model::permissions::RightsBySource;
use frontdesk_model::{Caller, Id, Permission, Permissions, Result, SourceRight, SourceRights, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{events, users};

/// The words of the rights.
const RIGHTS: [(&str, SourceRight); 6] = [
    ("read", SourceRight::Read),
    ("reply", SourceRight::Reply),
    ("reply_with_html", SourceRight::ReplyWithHtml),
    ("initiate_discussion", SourceRight::InitiateDiscussion),
    ("destroy", SourceRight::Destroy),
    ("approval_required", SourceRight::ApprovalRequired),
];

/// The words of the thresholds, in percent of the answers.
const THRESHOLDS: [(&str, i64); 11] = [
    ("approval_threshold_0", 0),
    ("approval_threshold_10", 10),
    ("approval_threshold_20", 20),
    ("approval_threshold_30", 30),
    ("approval_threshold_40", 40),
    ("approval_threshold_50", 50),
    ("approval_threshold_60", 60),
    ("approval_threshold_70", 70),
    ("approval_threshold_80", 80),
    ("approval_threshold_90", 90),
    ("approval_threshold_100", 100),
];

/// The words that stand for rights.
fn words(rights: SourceRights) -> Vec<&'static str> {
    let threshold = rights.approval_threshold();
    let held = RIGHTS.iter().filter(|(_, right)| rights.has(*right)).map(|(word, _)| *word);
    held.chain(THRESHOLDS.iter().filter(|(_, percent)| threshold == Some(*percent)).map(|(word, _)| *word)).collect()
}

/// The rights that words stand for, separated by commas; none for an empty text. The reason otherwise.
fn parse(text: &str) -> std::result::Result<SourceRights, String> {
    let (mut rights, mut threshold) = (Vec::new(), None);
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if let Some((_, right)) = RIGHTS.iter().find(|(known, _)| *known == word) {
            rights.push(*right);
        } else if let Some((_, percent)) = THRESHOLDS.iter().find(|(known, _)| *known == word) {
            if threshold.is_some_and(|other| other != *percent) {
                return Err("names two approval thresholds".into());
            }
            threshold = Some(*percent);
        } else {
            let shown: String = word.chars().take(40).collect();
            let known: Vec<_> = RIGHTS.iter().map(|(word, _)| *word).collect();
            return Err(format!(
                "{shown:?} is none of {}, approval_threshold_0 to approval_threshold_100",
                known.join(", ")
            ));
        }
    }
    if threshold.is_some() && rights.contains(&SourceRight::ApprovalRequired) {
        return Err("takes approval_required or an approval threshold, not both".into());
    }
    Ok(rights.into_iter().collect::<SourceRights>().with_approval_threshold(threshold))
}

/// A user's rights: a list of words for each source that the caller may know of.
#[derive(Serialize, JsonSchema)]
struct UserSourcesPermissions(BTreeMap<String, Vec<&'static str>>);

/// Parameters of `updateUserSourcesPermissions`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// By the id of a source: words.
    #[serde(flatten)]
    sources: BTreeMap<String, Words>,
}

/// Words as the read operation answers them, or as one text.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "must be words such as read,reply, as a list or as one text")]
enum Words {
    /// Separated by commas.
    Text(String),
    /// One by one.
    List(Vec<String>),
}

impl Words {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Words::Text(text) => Cow::Borrowed(text),
            Words::List(words) => Cow::Owned(words.join(",")),
        }
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Users Sources Permissions";
    let path = "/users/{userId}/sources_permissions";
    vec![
        Operation::read("getUserSourcesPermissions", Method::GET, path, show)
            .tag(tag)
            .summary("Reads what a user may do on each source.")
            .notes(
                "Every source that the caller may read is there, with an empty list where the user may do nothing. \
                 Whose role holds every permission sees all sources.",
            ),
        Operation::write("updateUserSourcesPermissions", Method::PUT, path, update)
            .tag(tag)
            .summary("Replaces what a user may do on the sources that are named; the others stay as they are.")
            .notes(
                "Each parameter is named by the id of a source. Its value is a list of read, reply, reply_with_html, \
                 initiate_discussion, destroy, and approval_required or one of approval_threshold_0, \
                 approval_threshold_10 … approval_threshold_100: a list, or a text with commas between; empty: nothing. \
                 Nobody gives or takes a right that they lack on the source themselves, nor frees anybody from more \
                 approval, or puts them under more, than they could put right again, unless their role holds every \
                 permission.",
            )
            .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams]),
    ]
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<UserSourcesPermissions> {
    let id = call.id("userId", "user")?;
    users::find(tx, &call.caller, id)?;
    shown(call, id, tx)
}

fn shown(call: &Call, user_id: Id, tx: &mut dyn Tx) -> Result<UserSourcesPermissions> {
    let rights = of_user(tx, user_id)?;
    let mut answer = BTreeMap::new();
    for row in tx.query("SELECT id FROM sources", args![])? {
        let id: Id = row.get(0)?;
        if sees(&call.caller, id) {
            answer.insert(id.hex(), words(rights.get(&id).copied().unwrap_or_default()));
        }
    }
    Ok(UserSourcesPermissions(answer))
}

/// Whose role holds every permission may put right what nobody else could, such as a source whose last user has gone.
fn sees(caller: &Caller, source_id: Id) -> bool {
    caller.may_on(source_id, SourceRight::Read) || caller.permissions == Permissions::ALL
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<UserSourcesPermissions> {
    let user_id = call.id("userId", "user")?;
    users::find_to_change(tx, &call.caller, user_id)?;
    let held = of_user(tx, user_id)?;
    let mut changed = Vec::new();
    for (key, words) in &parameters.sources {
        let source_id: Id =
            key.parse().map_err(|_| error::bad_request(format!("{key}: must be the id of a source.")))?;
        let exists = tx.first("SELECT 1 FROM sources WHERE id = $1", args![&source_id])?.is_some();
        if !exists || !sees(&call.caller, source_id) {
            let message = format!("{key}: there is no such source, or you may not read it.");
            return Err(error::invalid(key, "unknown", message));
        }
        let after =
            parse(&words.text()).map_err(|reason| error::invalid(key, "inclusion", format!("{key}: {reason}.")))?;
        let before = held.get(&source_id).copied().unwrap_or_default();
        if before == after {
            continue;
        }
        let is_administrator = call.caller.permissions == Permissions::ALL;
        if !is_administrator && !call.caller.rights(source_id).may_change(before, after) {
            let message = format!("{key}: you may neither give nor take rights that you lack on this source.");
            return Err(error::forbidden(message));
        }
        grant(tx, user_id, source_id, after)?;
        changed.push(source_id);
    }
    if !changed.is_empty() {
        let payload = json!({ "changed": ["sources_permissions"], "source_ids": changed });
        tx.append(events::by(call, "user.updated", user_id, payload));
    }
    shown(call, user_id, tx)
}

/// A user's rights, source by source.
pub(crate) fn of_user(tx: &mut dyn Tx, user_id: Id) -> Result<RightsBySource> {
    let rows = tx.query("SELECT source_id, rights FROM source_permissions WHERE user_id = $1", args![&user_id])?;
    let mut rights = RightsBySource::with_capacity(rows.len());
    for row in rows {
        rights.insert(row.get(0)?, SourceRights::from_bits(row.get(1)?));
    }
    Ok(rights)
}

/// Gives a user rights on a source, in place of those that they had.
pub fn grant(tx: &mut dyn Tx, user_id: Id, source_id: Id, rights: SourceRights) -> Result<()> {
    if rights == SourceRights::default() {
        let sql = "DELETE FROM source_permissions WHERE user_id = $1 AND source_id = $2";
        tx.execute(sql, args![&user_id, &source_id])?;
        return Ok(());
    }
    tx.execute(
        "INSERT INTO source_permissions (user_id, source_id, rights) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, source_id) DO UPDATE SET rights = excluded.rights",
        args![&user_id, &source_id, rights.bits()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_the_same() {
        for text in [
            "",
            "read",
            "read,reply,reply_with_html,initiate_discussion,destroy,approval_required",
            "read,reply,approval_threshold_0",
            "read,approval_threshold_100",
        ] {
            assert_eq!(words(parse(text).unwrap()).join(","), text);
        }
        assert_eq!(words(parse(" reply , read,,read ").unwrap()), ["read", "reply"]);
        for text in [
            "write",
            "read reply",
            "READ",
            "approval_threshold_55",
            "approval_threshold_110",
            "approval_required,approval_threshold_10",
            "approval_threshold_10,approval_threshold_20",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
