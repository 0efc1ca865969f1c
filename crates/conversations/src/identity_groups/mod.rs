//! Identity groups: one person over several identities. A group is made by the first edit of an identity's data, by a
//! merge or by a community's mapping of extra values, and goes with its last identity.

mod commands;
pub(crate) mod mapping;
mod rest;

use std::collections::HashMap;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Caller, Env, Id, Result, Timestamp, error};
use frontdesk_people::custom_fields;
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

use crate::identities;

pub(crate) use commands::forget;
pub(crate) use rest::{Answer, operations, shown};

/// At most this many identities are one person.
const IDENTITIES_MAX: usize = 500;
/// At most this many e-mails, and as many phones of each kind.
const CONTACTS_MAX: usize = 50;
/// At most this many tags.
const TAGS_MAX: usize = 100;
/// Names, addresses and numbers have at most this many characters.
const TEXT_CHARACTERS_MAX: usize = 255;
/// Notes have at most this many characters.
const NOTES_CHARACTERS_MAX: usize = 20_000;

/// A group as the store keeps it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Group {
    id: Id,
    firstname: Option<String>,
    lastname: Option<String>,
    company: Option<String>,
    gender: Option<String>,
    notes: Option<String>,
    custom_fields: String,
    locked: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    emails: Vec<String>,
    home_phones: Vec<String>,
    mobile_phones: Vec<String>,
    tag_ids: Vec<Id>,
}

const COLUMNS: &str = "id, firstname, lastname, company, gender, notes, custom_fields, locked, created_at, updated_at";

fn group(row: &Row) -> Result<Group> {
    Ok(Group {
        id: row.get(0)?,
        firstname: row.get(1)?,
        lastname: row.get(2)?,
        company: row.get(3)?,
        gender: row.get(4)?,
        notes: row.get(5)?,
        custom_fields: row.get(6)?,
        locked: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        emails: Vec::new(),
        home_phones: Vec::new(),
        mobile_phones: Vec::new(),
        tag_ids: Vec::new(),
    })
}

impl Group {
    fn contacts(&self) -> [(&'static str, &Vec<String>); 3] {
        [("email", &self.emails), ("home_phone", &self.home_phones), ("mobile_phone", &self.mobile_phones)]
    }

    fn texts_mut(&mut self) -> [&mut Option<String>; 5] {
        [&mut self.firstname, &mut self.lastname, &mut self.company, &mut self.gender, &mut self.notes]
    }

    fn lists_mut(&mut self) -> [&mut Vec<String>; 3] {
        [&mut self.emails, &mut self.home_phones, &mut self.mobile_phones]
    }

    /// Forgets what it has just as another tells it.
    fn subtract(&mut self, mut other: Group) -> Result<()> {
        for (own, others) in self.texts_mut().into_iter().zip(other.texts_mut()) {
            if own == others {
                *own = None;
            }
        }
        for (own, others) in self.lists_mut().into_iter().zip(other.lists_mut()) {
            own.retain(|value| !others.iter().any(|other| other.to_lowercase() == value.to_lowercase()));
        }
        self.custom_fields = custom_fields::without(&self.custom_fields, &other.custom_fields)?;
        Ok(())
    }

    /// Takes over what this group does not know from another; what it knows stays.
    fn fill(&mut self, other: &Group) -> Result<()> {
        for (own, others) in [
            (&mut self.firstname, &other.firstname),
            (&mut self.lastname, &other.lastname),
            (&mut self.company, &other.company),
            (&mut self.gender, &other.gender),
            (&mut self.notes, &other.notes),
        ] {
            if own.is_none() {
                own.clone_from(others);
            }
        }
        for (own, others) in [
            (&mut self.emails, &other.emails),
            (&mut self.home_phones, &other.home_phones),
            (&mut self.mobile_phones, &other.mobile_phones),
        ] {
            for value in others {
                let is_known = own.iter().any(|known| known.to_lowercase() == value.to_lowercase());
                if !is_known && own.len() < CONTACTS_MAX {
                    own.push(value.clone());
                }
            }
        }
        for tag_id in &other.tag_ids {
            if !self.tag_ids.contains(tag_id) && self.tag_ids.len() < TAGS_MAX {
                self.tag_ids.push(*tag_id);
            }
        }
        self.tag_ids.sort_unstable();
        self.custom_fields = custom_fields::merged(&self.custom_fields, &other.custom_fields)?;
        Ok(())
    }
}

/// Rows as groups, with contacts and tags: two more statements for all of them.
fn groups(tx: &mut dyn Tx, rows: &[Row]) -> Result<Vec<Group>> {
    let mut groups = rows.iter().map(group).collect::<Result<Vec<_>>>()?;
    let ids: Vec<Id> = groups.iter().map(|group| group.id).collect();
    let places: HashMap<Id, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let sql = format!(
        "SELECT group_id, kind, value FROM identity_group_contacts WHERE {} ORDER BY group_id, kind, position",
        tx.in_list("group_id", 1)
    );
    for row in tx.query(&sql, args![&ids])? {
        let Some(place) = places.get(&row.get(0)?) else { continue };
        let group = &mut groups[*place];
        match row.get::<String>(1)?.as_str() {
            "email" => group.emails.push(row.get(2)?),
            "home_phone" => group.home_phones.push(row.get(2)?),
            _ => group.mobile_phones.push(row.get(2)?),
        }
    }
    let sql = format!(
        "SELECT group_id, tag_id FROM identity_group_tags WHERE {} ORDER BY group_id, tag_id",
        tx.in_list("group_id", 1)
    );
    for row in tx.query(&sql, args![&ids])? {
        if let Some(place) = places.get(&row.get(0)?) {
            groups[*place].tag_ids.push(row.get(1)?);
        }
    }
    Ok(groups)
}

fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Group>> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM identity_groups WHERE id = $1"), args![&id])?;
    Ok(groups(tx, &rows)?.pop())
}

/// A group with an identity that the caller may see; anything else is missing.
fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Group> {
    let readable = identities::readable_communities(tx, caller, None)?;
    let sql =
        format!("SELECT 1 FROM identities WHERE identity_group_id = $1 AND {} LIMIT 1", tx.in_list("community_id", 2));
    if tx.first(&sql, args![&id, &readable])?.is_none() {
        return Err(error::not_found("identity group"));
    }
    by_id(tx, id)?.ok_or_else(|| error::not_found("identity group"))
}

/// What an identity knows of its person, as a group that is not stored.
fn of_identity(tx: &mut dyn Tx, env: &Env, identity_id: Id) -> Result<Group> {
    let row = tx.one(
        "SELECT firstname, lastname, company, gender, email, home_phone, mobile_phone FROM identities WHERE id = $1",
        args![&identity_id],
    )?;
    let list = |index| Ok::<_, error::Error>(row.get::<Option<String>>(index)?.into_iter().collect());
    let now = env.now();
    Ok(Group {
        id: env.id(),
        firstname: row.get(0)?,
        lastname: row.get(1)?,
        company: row.get(2)?,
        gender: row.get(3)?,
        notes: None,
        custom_fields: "{}".into(),
        locked: false,
        created_at: now,
        updated_at: now,
        emails: list(4)?,
        home_phones: list(5)?,
        mobile_phones: list(6)?,
        tag_ids: Vec::new(),
    })
}

/// The group of an identity; one is made, with what the identity knows, for an identity that has none.
fn of_identity_or_new(tx: &mut dyn Tx, env: &Env, user_id: Option<Id>, identity_id: Id) -> Result<Group> {
    let row = tx.one("SELECT identity_group_id FROM identities WHERE id = $1", args![&identity_id])?;
    if let Some(known) = row.get::<Option<Id>>(0)? {
        return by_id(tx, known)?.ok_or_else(|| error::broken("an identity is in a group that is not there"));
    }
    let group = of_identity(tx, env, identity_id)?;
    tx.execute(
        &format!("INSERT INTO identity_groups ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8, $8)"),
        args![
            &group.id,
            &group.firstname,
            &group.lastname,
            &group.company,
            &group.gender,
            &group.notes,
            &group.custom_fields,
            group.created_at
        ],
    )?;
    write_contacts(tx, &group)?;
    link(tx, env, identity_id, Some(group.id))?;
    let told = json!({ "identity_id": identity_id });
    tx.append(NewEvent::new(env, user_id, "identity_group.created", group.id, None, told));
    Ok(group)
}

fn link(tx: &mut dyn Tx, env: &Env, identity_id: Id, group_id: Option<Id>) -> Result<()> {
    tx.execute(
        "UPDATE identities SET identity_group_id = $2, updated_at = $3 WHERE id = $1",
        args![&identity_id, &group_id, env.now()],
    )?;
    Ok(())
}

/// Writes what differs; returns whether anything did.
fn save(tx: &mut dyn Tx, env: &Env, before: &Group, after: &Group) -> Result<bool> {
    if before == after {
        return Ok(false);
    }
    tx.execute(
        "UPDATE identity_groups SET firstname = $2, lastname = $3, company = $4, gender = $5, notes = $6,
           custom_fields = $7, locked = $8, updated_at = $9
         WHERE id = $1",
        args![
            &after.id,
            &after.firstname,
            &after.lastname,
            &after.company,
            &after.gender,
            &after.notes,
            &after.custom_fields,
            after.locked,
            env.now()
        ],
    )?;
    if before.contacts() != after.contacts() {
        tx.execute("DELETE FROM identity_group_contacts WHERE group_id = $1", args![&after.id])?;
        write_contacts(tx, after)?;
    }
    if before.tag_ids != after.tag_ids {
        tx.execute("DELETE FROM identity_group_tags WHERE group_id = $1", args![&after.id])?;
        for tag_id in &after.tag_ids {
            let sql = "INSERT INTO identity_group_tags (group_id, tag_id) VALUES ($1, $2)";
            tx.execute(sql, args![&after.id, tag_id])?;
        }
    }
    Ok(true)
}

fn write_contacts(tx: &mut dyn Tx, group: &Group) -> Result<()> {
    for (kind, values) in group.contacts() {
        for (position, value) in values.iter().enumerate() {
            tx.execute(
                "INSERT INTO identity_group_contacts (group_id, kind, position, value, value_key)
                 VALUES ($1, $2, $3, $4, $5)",
                args![&group.id, kind, position as i64, value, &value.to_lowercase()],
            )?;
        }
    }
    Ok(())
}

/// The names of the attributes that differ: what the log tells, without the values.
fn changed(before: &Group, after: &Group) -> Vec<&'static str> {
    [
        ("firstname", before.firstname != after.firstname),
        ("lastname", before.lastname != after.lastname),
        ("company", before.company != after.company),
        ("gender", before.gender != after.gender),
        ("notes", before.notes != after.notes),
        ("emails", before.emails != after.emails),
        ("home_phones", before.home_phones != after.home_phones),
        ("mobile_phones", before.mobile_phones != after.mobile_phones),
        ("tag_ids", before.tag_ids != after.tag_ids),
        ("custom_field_values", before.custom_fields != after.custom_fields),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
