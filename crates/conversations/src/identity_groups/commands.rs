//! What happens to identity groups: one function, one transaction, its events. Commands run one after the other, so two
//! merges at once are two merges in some order.

use frontdesk_model::{Id, Result, error};
use frontdesk_people::{checked, custom_fields, settings};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::mapping::told_by;
use super::{
    CONTACTS_MAX, Group, IDENTITIES_MAX, NOTES_CHARACTERS_MAX, TAGS_MAX, TEXT_CHARACTERS_MAX, by_id, changed, find,
    link, of_identity, of_identity_or_new, save,
};
use crate::{events, identities};

/// A new value of each attribute; none: it stays.
pub(super) struct Edit {
    pub(super) firstname: Option<String>,
    pub(super) lastname: Option<String>,
    pub(super) company: Option<String>,
    /// Empty: unset.
    pub(super) gender: Option<&'static str>,
    pub(super) notes: Option<String>,
    pub(super) emails: Option<Vec<String>>,
    pub(super) home_phones: Option<Vec<String>>,
    pub(super) mobile_phones: Option<Vec<String>>,
    pub(super) tag_ids: Option<Vec<Id>>,
    pub(super) custom_field_values: Map<String, Value>,
}

/// Edits a group.
pub(super) fn edit(call: &Call, id: Id, edit: Edit, tx: &mut dyn Tx) -> Result<Group> {
    let group = find(tx, &call.caller, id)?;
    apply(call, group, edit, tx)
}

/// Edits what is known of an identity's person: makes its group when it has none.
pub(super) fn edit_of_identity(call: &Call, identity_id: Id, edit: Edit, tx: &mut dyn Tx) -> Result<Group> {
    identities::require_readable(tx, &call.caller, identity_id)?;
    let group = of_identity_or_new(tx, &call.env, Some(call.caller.user_id), identity_id)?;
    apply(call, group, edit, tx)
}

fn apply(call: &Call, before: Group, edit: Edit, tx: &mut dyn Tx) -> Result<Group> {
    require_unlocked(&before)?;
    let mut after = before.clone();
    for (attribute, own, given, max) in [
        ("firstname", &mut after.firstname, edit.firstname, TEXT_CHARACTERS_MAX),
        ("lastname", &mut after.lastname, edit.lastname, TEXT_CHARACTERS_MAX),
        ("company", &mut after.company, edit.company, TEXT_CHARACTERS_MAX),
        ("notes", &mut after.notes, edit.notes, NOTES_CHARACTERS_MAX),
    ] {
        if let Some(text) = given {
            *own = bounded(attribute, &text, max)?;
        }
    }
    if let Some(gender) = edit.gender {
        after.gender = Some(gender.to_owned()).filter(|gender| !gender.is_empty());
    }
    for (attribute, own, given) in [
        ("emails", &mut after.emails, edit.emails),
        ("home_phones", &mut after.home_phones, edit.home_phones),
        ("mobile_phones", &mut after.mobile_phones, edit.mobile_phones),
    ] {
        if let Some(values) = given {
            *own = checked_contacts(attribute, own, &values)?;
        }
    }
    if let Some(tag_ids) = edit.tag_ids {
        after.tag_ids = checked::distinct("tag_ids", tag_ids, TAGS_MAX)?;
        checked::known(tx, "tags", &after.tag_ids, "tag_ids", "tag")?;
    }
    if !edit.custom_field_values.is_empty() {
        let fields = custom_fields::of(tx, custom_fields::Owner::IdentityGroup)?;
        let change = custom_fields::change(&call.caller, &fields, &before.custom_fields, &edit.custom_field_values)?;
        if !change.keys.is_empty() {
            after.custom_fields = change.stored;
        }
    }
    if save(tx, &call.env, &before, &after)? {
        let told = json!({ "changed": changed(&before, &after) });
        tx.append(events::by(call, "identity_group.updated", after.id, None, told));
    }
    by_id(tx, after.id)?.ok_or_else(|| error::not_found("identity group"))
}

/// Merges an identity into a group. The group's values win; a group that the identity leaves empty goes, and
/// what it knew is not lost.
pub(super) fn merge(call: &Call, id: Id, identity_id: &str, tx: &mut dyn Tx) -> Result<Group> {
    let before = find(tx, &call.caller, id)?;
    if !settings::load(tx)?.identity_merge {
        return Err(error::forbidden("Merging identities is switched off in the settings (identity_merge)."));
    }
    let unknown = || {
        let message = "associated_identity_id: there is no such identity, or you may not read it.";
        error::invalid("associated_identity_id", "unknown", message)
    };
    let identity_id: Id = identity_id.parse().map_err(|_| unknown())?;
    identities::require_readable(tx, &call.caller, identity_id).map_err(|refusal| refusal.or_missing(unknown))?;
    require_unlocked(&before)?;
    let old: Option<Id> =
        tx.one("SELECT identity_group_id FROM identities WHERE id = $1", args![&identity_id])?.get(0)?;
    if old == Some(id) {
        return Ok(before);
    }
    if count(tx, id)? >= IDENTITIES_MAX {
        let message = format!("associated_identity_id: a group has at most {IDENTITIES_MAX} identities.");
        return Err(error::invalid("associated_identity_id", "too_many", message));
    }
    let mut after = before.clone();
    if let Some(old) = old
        && let Some(old) = by_id(tx, old)?
    {
        require_unlocked(&old)?;
        // Where others stay in the old group, what it knows stays with them.
        if count(tx, old.id)? == 1 {
            after.fill(&old)?;
        }
    }
    after.fill(&of_identity(tx, &call.env, identity_id)?)?;
    link(tx, &call.env, identity_id, Some(id))?;
    if let Some(old) = old {
        remove_if_empty(call, old, tx)?;
    }
    if !save(tx, &call.env, &before, &after)? {
        // Who belongs to it is part of a group.
        let sql = "UPDATE identity_groups SET updated_at = $2 WHERE id = $1";
        tx.execute(sql, args![&id, call.env.now()])?;
    }
    let told = json!({ "new_identity_group_id": id, "old_identity_group_id": old });
    tx.append(events::by(call, "identity.merged", identity_id, None, told));
    by_id(tx, id)?.ok_or_else(|| error::not_found("identity group"))
}

/// Takes an identity out of its group; it has none then, until the next edit or merge.
pub(super) fn unmerge(call: &Call, identity_id: Id, tx: &mut dyn Tx) -> Result<()> {
    identities::require_readable(tx, &call.caller, identity_id)?;
    let old: Option<Id> =
        tx.one("SELECT identity_group_id FROM identities WHERE id = $1", args![&identity_id])?.get(0)?;
    let Some(old) = old else {
        return Err(error::forbidden("The identity is in no group."));
    };
    if let Some(group) = by_id(tx, old)? {
        require_unlocked(&group)?;
    }
    leave(call, identity_id, tx)?;
    let told = json!({ "new_identity_group_id": null, "old_identity_group_id": old });
    tx.append(events::by(call, "identity.unmerged", identity_id, None, told));
    Ok(())
}

/// Takes an identity out of its group, with all that the group has just as this identity tells it, unless another of its
/// identities tells the same. For one that is to be forgotten: a lock keeps nothing.
pub(crate) fn forget(call: &Call, identity_id: Id, tx: &mut dyn Tx) -> Result<()> {
    let row = tx.one("SELECT identity_group_id FROM identities WHERE id = $1", args![&identity_id])?;
    let Some(before) = row.get::<Option<Id>>(0)?.map(|id| by_id(tx, id)).transpose()?.flatten() else { return Ok(()) };
    let mut after = before.clone();
    for told in told_by(tx, &call.env, identity_id)? {
        after.subtract(told)?;
    }
    let sql = "SELECT id FROM identities WHERE identity_group_id = $1 AND id <> $2 ORDER BY id";
    let mut kept = Group { tag_ids: Vec::new(), ..before.clone() };
    let others = tx.query(sql, args![&before.id, &identity_id])?;
    for row in &others {
        for told in told_by(tx, &call.env, row.get(0)?)? {
            kept.subtract(told)?;
        }
    }
    // What others do not tell is left in `kept`: the rest of what the group knows is theirs too.
    let mut theirs = before.clone();
    theirs.subtract(kept)?;
    after.fill(&theirs)?;
    if !others.is_empty() && save(tx, &call.env, &before, &after)? {
        let told = json!({ "changed": changed(&before, &after) });
        tx.append(events::by(call, "identity_group.updated", before.id, None, told));
    }
    leave(call, identity_id, tx)
}

/// Takes an identity out of its group, if it is in one, and the group away when it was the last.
fn leave(call: &Call, identity_id: Id, tx: &mut dyn Tx) -> Result<()> {
    let old: Option<Id> =
        tx.one("SELECT identity_group_id FROM identities WHERE id = $1", args![&identity_id])?.get(0)?;
    let Some(old) = old else { return Ok(()) };
    link(tx, &call.env, identity_id, None)?;
    tx.execute("UPDATE identity_groups SET updated_at = $2 WHERE id = $1", args![&old, call.env.now()])?;
    remove_if_empty(call, old, tx)
}

/// Locks or unlocks a group: what is known of a locked one stays as it is.
pub(super) fn lock(call: &Call, id: Id, locked: bool, tx: &mut dyn Tx) -> Result<Group> {
    let before = find(tx, &call.caller, id)?;
    if save(tx, &call.env, &before, &Group { locked, ..before.clone() })? {
        let kind = if locked { "identity_group.locked" } else { "identity_group.unlocked" };
        tx.append(events::by(call, kind, id, None, json!({})));
    }
    by_id(tx, id)?.ok_or_else(|| error::not_found("identity group"))
}

fn require_unlocked(group: &Group) -> Result<()> {
    match group.locked {
        true => Err(error::conflict("The identity group is locked: unlock it to change it.")),
        false => Ok(()),
    }
}

fn count(tx: &mut dyn Tx, id: Id) -> Result<usize> {
    let count: i64 = tx.one("SELECT count(*) FROM identities WHERE identity_group_id = $1", args![&id])?.get(0)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// A group goes with its last identity.
fn remove_if_empty(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    if count(tx, id)? == 0 {
        tx.execute("DELETE FROM identity_groups WHERE id = $1", args![&id])?;
        tx.append(events::by(call, "identity_group.destroyed", id, None, json!({})));
    }
    Ok(())
}

/// A text without spaces around it; none when that is empty.
fn bounded(attribute: &str, text: &str, max: usize) -> Result<Option<String>> {
    let text = text.trim();
    if text.chars().count() > max {
        let message = format!("{attribute} has at most {max} characters.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// What is new must be an e-mail address or a number; what a channel told may stay, whatever it is.
fn checked_contacts(attribute: &str, known: &[String], given: &[String]) -> Result<Vec<String>> {
    let mut values: Vec<String> = Vec::new();
    if given.len() > CONTACTS_MAX {
        return Err(error::invalid(attribute, "too_long", format!("{attribute} has at most {CONTACTS_MAX} elements.")));
    }
    for value in given {
        let Some(value) = bounded(attribute, value, TEXT_CHARACTERS_MAX)? else { continue };
        let fits = match attribute {
            "emails" => checked::is_email(&value),
            _ => value.chars().any(|c| c.is_ascii_digit()) && !value.contains(char::is_control),
        };
        if !fits && !known.contains(&value) {
            let what = if attribute == "emails" { "an e-mail address" } else { "a phone number" };
            return Err(error::invalid(attribute, "invalid", format!("{attribute}: each must be {what}.")));
        }
        if !values.iter().any(|other| other.to_lowercase() == value.to_lowercase()) {
            values.push(value);
        }
    }
    Ok(values)
}
