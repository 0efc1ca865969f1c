//! Identities: one author in one community, a customer or one that agents write as.

mod anonymise;
mod export;
pub(crate) mod import;
mod muting;
mod rest;

use std::collections::HashMap;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Caller, Env, Id, Permission, Result, SourceRight, error};
use frontdesk_people::settings;
use frontdesk_rest::Call;
use frontdesk_sources::inbound::{self, InboundAuthor};
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use crate::identity_groups::mapping::{self, Mapping};
use crate::sources::Channel;

pub(crate) use rest::{Identity, Search, Sort, answer, operations, page};

/// At most this many extra values on one identity: a channel that makes up keys must not fill the store.
const EXTRA_VALUES_MAX: usize = 1_000;

/// A gender as REST takes it.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gender {
    Man,
    Woman,
    /// None, or none that anybody should know.
    #[serde(rename = "")]
    Unset,
}

impl Gender {
    /// As it is kept; empty is not kept.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Gender::Man => "man",
            Gender::Woman => "woman",
            Gender::Unset => "",
        }
    }
}

/// What became of an author that a channel told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: Id,
    /// Whether agents may write as it.
    pub(crate) controlled: bool,
    /// Whether what it writes arrives ignored.
    pub(crate) muted: bool,
}

/// Finds or creates the identity of an author, and takes over what the channel newly tells. On the way of every inbound
/// message: one statement reads, and only a new or changed author makes another.
pub(crate) fn store_author(
    tx: &mut dyn Tx,
    env: &Env,
    community_id: Id,
    community_type: &str,
    author: &InboundAuthor,
    mappings: &[Mapping],
) -> Result<Stored> {
    let row = tx.first(
        "SELECT id, fingerprint, controlled, extra_values, muted FROM identities
         WHERE community_id = $1 AND foreign_id = $2",
        args![&community_id, &author.foreign_id],
    )?;
    let fingerprint = fingerprint(author);
    let Some(row) = row else {
        let id = insert(tx, env, community_id, community_type, author, fingerprint)?;
        tx.append(created(env, None, id, community_id));
        mapping::apply(tx, env, mappings, id, &author.context_data)?;
        return Ok(Stored { id, controlled: author.puppetizable, muted: false });
    };
    let controlled = row.get::<bool>(2)? || author.puppetizable;
    let stored = Stored { id: row.get(0)?, controlled, muted: row.get(4)? };
    if row.get::<i64>(1)? == fingerprint {
        return Ok(stored);
    }
    let extra_values = merged(&row.get::<String>(3)?, &author.context_data)?;
    tx.execute(
        "UPDATE identities SET screenname = COALESCE($2, screenname), firstname = COALESCE($3, firstname),
           lastname = COALESCE($4, lastname), email = COALESCE($5, email), home_phone = COALESCE($6, home_phone),
           mobile_phone = COALESCE($7, mobile_phone), gender = COALESCE($8, gender),
           avatar_url = COALESCE($9, avatar_url), extra_values = $10, controlled = $11, fingerprint = $12,
           updated_at = $13
         WHERE id = $1",
        args![
            &stored.id,
            known(Some(&author.screenname)),
            known(author.firstname.as_ref()),
            known(author.lastname.as_ref()),
            known(author.email.as_ref()),
            known(author.home_phone.as_ref()),
            known(author.mobile_phone.as_ref()),
            author.gender.map(inbound::Gender::as_str),
            known(author.avatar_url.as_ref()),
            &extra_values,
            stored.controlled,
            fingerprint,
            env.now()
        ],
    )?;
    let payload = json!({ "community_id": community_id });
    tx.append(NewEvent::new(env, None, "identity.updated", stored.id, None, payload));
    mapping::apply(tx, env, mappings, stored.id, &author.context_data)?;
    Ok(stored)
}

/// The communities whose identities the caller may see: those that have a source which they may read, or only that of one
/// such source. A community without sources, such as one that customers are imported into, is for those who manage
/// identities.
pub(crate) fn readable_communities(tx: &mut dyn Tx, caller: &Caller, source_id: Option<Id>) -> Result<Vec<Id>> {
    let mut readable = caller.sources_with(SourceRight::Read);
    if let Some(source_id) = source_id {
        readable.retain(|id| *id == source_id);
    }
    let mut sql = format!("SELECT community_id FROM sources WHERE {}", tx.in_list("id", 1));
    if source_id.is_none() && caller.may(Permission::ManageIdentities) {
        sql += " UNION SELECT id FROM communities
                 WHERE NOT EXISTS (SELECT 1 FROM sources WHERE sources.community_id = communities.id)";
    }
    let mut communities =
        tx.query(&sql, args![&readable])?.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    communities.sort_unstable();
    communities.dedup();
    Ok(communities)
}

/// Whether there are no other communities. A condition that everything meets would only lead the engine away from the
/// order that is wanted.
pub(crate) fn are_all_communities(tx: &mut dyn Tx, communities: &[Id]) -> Result<bool> {
    let all: i64 = tx.one("SELECT count(*) FROM communities", args![])?.get(0)?;
    Ok(usize::try_from(all) == Ok(communities.len()))
}

/// Whether this is an identity's id on its channel.
pub fn is_known_as(tx: &mut dyn Tx, id: Id, foreign_id: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM identities WHERE id = $1 AND foreign_id = $2";
    Ok(tx.first(sql, args![&id, foreign_id])?.is_some())
}

/// 404 unless the identity exists and the caller may see it.
pub(crate) fn require_readable(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<()> {
    let readable = readable_communities(tx, caller, None)?;
    let row = tx.first("SELECT community_id FROM identities WHERE id = $1", args![&id])?;
    let community_id: Option<Id> = row.map(|row| row.get(0)).transpose()?;
    match community_id.is_some_and(|id| readable.binary_search(&id).is_ok()) {
        true => Ok(()),
        false => Err(error::not_found("identity")),
    }
}

/// The groups of those of these identities, each named once, that are in one.
pub(crate) fn groups_of(tx: &mut dyn Tx, identity_ids: &[Id]) -> Result<HashMap<Id, Id>> {
    if identity_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT id, identity_group_id FROM {} CROSS JOIN identities
         WHERE id = wanted.value AND identity_group_id IS NOT NULL",
        tx.wanted(1)
    );
    tx.query(&sql, args![identity_ids])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The identity that a user writes as in a community when they name none: their first there. One is made for who has
/// none, so that an agent can always answer.
pub(crate) fn default_author(
    tx: &mut dyn Tx,
    env: &Env,
    user_id: Id,
    community_id: Id,
    community_type: &str,
) -> Result<Id> {
    let first = tx.first(
        "SELECT identities.id FROM identity_users JOIN identities ON identities.id = identity_users.identity_id
         WHERE identity_users.user_id = $1 AND identities.community_id = $2
         ORDER BY identity_users.position, identities.id LIMIT 1",
        args![&user_id, &community_id],
    )?;
    if let Some(row) = first {
        return row.get(0);
    }
    let user = tx.one("SELECT firstname, lastname FROM users WHERE id = $1", args![&user_id])?;
    let (firstname, lastname): (String, String) = (user.get(0)?, user.get(1)?);
    let screenname = display_name(known(Some(&firstname)), known(Some(&lastname)), None);
    let mut author = InboundAuthor {
        puppetizable: true,
        firstname: Some(firstname),
        lastname: Some(lastname),
        ..InboundAuthor::new(user_id.hex(), screenname.unwrap_or_default())
    };
    let taken = tx.first(
        "SELECT id, controlled FROM identities WHERE community_id = $1 AND foreign_id = $2",
        args![&community_id, &author.foreign_id],
    )?;
    let id = match taken {
        // Made for this user before, and unlinked since.
        Some(row) if row.get::<bool>(1)? => row.get(0)?,
        taken => {
            if taken.is_some() {
                // A customer who took the user's id for a name must not become the agent.
                author.foreign_id = format!("{user_id}-{}", env.id());
            }
            let id = insert(tx, env, community_id, community_type, &author, fingerprint(&author))?;
            tx.append(created(env, Some(user_id), id, community_id));
            id
        }
    };
    tx.execute(
        "INSERT INTO identity_users (user_id, identity_id, position)
         SELECT $1, $2, COALESCE(max(position) + 1, 0) FROM identity_users WHERE user_id = $1",
        args![&user_id, &id],
    )?;
    Ok(id)
}

/// The identity of the account that a source is connected to, which all agents write as there. Its name is its id until
/// the service has told another.
pub(crate) fn account(tx: &mut dyn Tx, env: &Env, channel: &Channel, foreign_id: &str) -> Result<Id> {
    let sql = "SELECT id FROM identities WHERE community_id = $1 AND foreign_id = $2 AND controlled";
    if let Some(row) = tx.first(sql, args![&channel.community_id, foreign_id])? {
        return row.get(0);
    }
    let author = InboundAuthor { puppetizable: true, ..InboundAuthor::new(foreign_id, foreign_id) };
    let community_type = channel.kind.community_type;
    Ok(store_author(tx, env, channel.community_id, community_type, &author, &channel.mappings)?.id)
}

/// The author that a source itself is where nobody in particular speaks: named after it, under its id. A customer who took
/// that id for a name does not become the source.
pub(crate) fn source_author(tx: &mut dyn Tx, env: &Env, channel: &Channel) -> Result<InboundAuthor> {
    let name: String = tx.one("SELECT name FROM sources WHERE id = $1", args![&channel.source_id])?.get(0)?;
    let hex = channel.source_id.hex();
    let sql = "SELECT controlled FROM identities WHERE community_id = $1 AND foreign_id = $2";
    let foreign_id = match tx.first(sql, args![&channel.community_id, &hex])? {
        Some(row) if !row.get::<bool>(0)? => {
            let sql = "SELECT foreign_id FROM identities WHERE community_id = $1 AND controlled AND foreign_id LIKE $2";
            let own = tx.first(sql, args![&channel.community_id, &format!("{hex}-%")])?;
            own.map_or_else(|| Ok(format!("{hex}-{}", env.id())), |row| row.get(0))?
        }
        _ => hex,
    };
    Ok(InboundAuthor { puppetizable: true, ..InboundAuthor::new(foreign_id, name) })
}

/// The identity that a caller writes as on a source when they name none.
pub(crate) fn writer(tx: &mut dyn Tx, call: &Call, channel: &Channel) -> Result<Id> {
    match (channel.kind.account)(&channel.settings) {
        Some(foreign_id) => account(tx, &call.env, channel, foreign_id),
        None => {
            let user_id = call.caller.user_id;
            default_author(tx, &call.env, user_id, channel.community_id, channel.kind.community_type)
        }
    }
}

/// 422 unless this user may write as this identity in this community: it is one of theirs, or one that agents share; where
/// the account lets everybody write as any (`reply_as_any_identity`), it may also be another agent's. Never a customer.
pub(crate) fn require_usable_author(tx: &mut dyn Tx, user_id: Id, identity_id: Id, community_id: Id) -> Result<()> {
    let row = tx.first(
        "SELECT controlled,
           EXISTS (SELECT 1 FROM identity_users WHERE identity_id = identities.id),
           EXISTS (SELECT 1 FROM identity_users WHERE identity_id = identities.id AND user_id = $3)
         FROM identities WHERE id = $1 AND community_id = $2",
        args![&identity_id, &community_id, &user_id],
    )?;
    let Some(row) = row else {
        let message = "author_id: there is no such identity in the community of the source.";
        return Err(error::invalid("author_id", "unknown", message));
    };
    let (controlled, linked, own): (bool, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if own || (controlled && !linked) || (linked && settings::load(tx)?.reply_as_any_identity) {
        return Ok(());
    }
    Err(error::invalid("author_id", "invalid", "author_id: you cannot write as this identity."))
}

/// The channel's id says who somebody is, so it is their UUID too.
fn insert(
    tx: &mut dyn Tx,
    env: &Env,
    community_id: Id,
    community_type: &str,
    author: &InboundAuthor,
    fingerprint: i64,
) -> Result<Id> {
    let id = env.id();
    tx.execute(
        "INSERT INTO identities (id, community_id, foreign_id, uuid, type, screenname, firstname, lastname, email,
           home_phone, mobile_phone, gender, avatar_url, extra_values, controlled, fingerprint, created_at, updated_at)
         VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
        args![
            &id,
            &community_id,
            &author.foreign_id,
            community_type,
            known(Some(&author.screenname)),
            known(author.firstname.as_ref()),
            known(author.lastname.as_ref()),
            known(author.email.as_ref()),
            known(author.home_phone.as_ref()),
            known(author.mobile_phone.as_ref()),
            author.gender.map(inbound::Gender::as_str),
            known(author.avatar_url.as_ref()),
            &merged("{}", &author.context_data)?,
            author.puppetizable,
            fingerprint,
            env.now()
        ],
    )?;
    Ok(id)
}

/// An identity that nobody knows yet.
pub(crate) struct NewIdentity<'a> {
    pub(crate) id: Id,
    pub(crate) community_id: Id,
    pub(crate) community_type: &'static str,
    pub(crate) author: &'a InboundAuthor,
    pub(crate) fingerprint: i64,
}

/// Inserts customers with one statement, for PostgreSQL.
pub(crate) fn insert_many(tx: &mut dyn Tx, env: &Env, new: &[NewIdentity]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(new.len());
    for NewIdentity { id, community_id, community_type, author, fingerprint } in new {
        rows.push(json!({
            "id": id, "community_id": community_id, "foreign_id": author.foreign_id, "type": community_type,
            "screenname": known(Some(&author.screenname)), "firstname": known(author.firstname.as_ref()),
            "lastname": known(author.lastname.as_ref()), "email": known(author.email.as_ref()),
            "home_phone": known(author.home_phone.as_ref()), "mobile_phone": known(author.mobile_phone.as_ref()),
            "gender": author.gender.map(inbound::Gender::as_str), "avatar_url": known(author.avatar_url.as_ref()),
            "extra_values": merged("{}", &author.context_data)?, "fingerprint": fingerprint,
        }));
    }
    tx.execute(
        "INSERT INTO identities (id, community_id, foreign_id, uuid, type, screenname, firstname, lastname, email,
           home_phone, mobile_phone, gender, avatar_url, extra_values, controlled, fingerprint, created_at, updated_at)
         SELECT decode(id, 'hex'), decode(community_id, 'hex'), foreign_id, foreign_id, type, screenname, firstname,
                lastname, email, home_phone, mobile_phone, gender, avatar_url, extra_values, FALSE, fingerprint, $2, $2
         FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS given
           (id TEXT, community_id TEXT, foreign_id TEXT, type TEXT, screenname TEXT, firstname TEXT, lastname TEXT,
            email TEXT, home_phone TEXT, mobile_phone TEXT, gender TEXT, avatar_url TEXT, extra_values TEXT,
            fingerprint BIGINT)",
        args![&Value::Array(rows).to_string(), env.now()],
    )?;
    Ok(())
}

pub(crate) fn created(env: &Env, user_id: Option<Id>, id: Id, community_id: Id) -> NewEvent {
    NewEvent::new(env, user_id, "identity.created", id, None, json!({ "community_id": community_id }))
}

/// An empty text tells no more than an absent one.
fn known(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// The name that is shown: first and last name, or else the channel's own.
pub(crate) fn display_name(
    firstname: Option<&str>,
    lastname: Option<&str>,
    screenname: Option<&str>,
) -> Option<String> {
    match (firstname, lastname) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (one, other) => one.or(other).or(screenname).map(str::to_owned),
    }
}

/// Stored extra values with those newly told. Nothing that is known gets lost.
fn merged(stored: &str, told: &Map<String, Value>) -> Result<String> {
    if told.is_empty() {
        return Ok(stored.to_owned());
    }
    let mut values: Map<String, Value> =
        serde_json::from_str(stored).map_err(|trouble| error::broken(format!("identities.extra_values: {trouble}")))?;
    for (key, value) in told.iter().filter(|(_, value)| !value.is_null()) {
        if values.contains_key(key) || values.len() < EXTRA_VALUES_MAX {
            values.insert(key.clone(), value.clone());
        }
    }
    Ok(Value::Object(values).to_string())
}

/// FNV-1a over what a channel tells of an author: equal for an author who has not changed. The times are left out,
/// because many channels send a new one with every message.
pub(crate) fn fingerprint(author: &InboundAuthor) -> i64 {
    let mut hash = Fnv1a::new();
    for text in [
        Some(author.screenname.as_str()),
        author.firstname.as_deref(),
        author.lastname.as_deref(),
        author.avatar_url.as_deref(),
        author.email.as_deref(),
        author.home_phone.as_deref(),
        author.mobile_phone.as_deref(),
        author.gender.map(inbound::Gender::as_str),
    ] {
        hash.text(text);
    }
    hash.bytes(&[u8::from(author.puppetizable)]);
    for (key, value) in &author.context_data {
        hash.text(Some(key));
        hash.text(Some(&value.to_string()));
    }
    hash.0.cast_signed()
}

struct Fnv1a(u64);

impl Fnv1a {
    fn new() -> Fnv1a {
        Fnv1a(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Presence and length go in first, so that no text runs into the next.
    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.bytes(&[0]) };
        self.bytes(&[1]);
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;

    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_of_64_bits() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv1a::new();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.0, expected, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_changes_with_the_author_and_not_with_the_time() {
        let author = InboundAuthor::new("7", "Vera");
        let same = InboundAuthor {
            created_at: Some(Timestamp::from_micros(1)),
            updated_at: Some(Timestamp::from_micros(2)),
            ..author.clone()
        };
        assert_eq!(fingerprint(&author), fingerprint(&same));
        let text = |text: &str| Some(text.to_owned());
        let context = |key: &str, value: Value| Map::from_iter([(key.to_owned(), value)]);
        let others = [
            InboundAuthor { screenname: "Vero".into(), ..author.clone() },
            InboundAuthor { firstname: text("V"), ..author.clone() },
            InboundAuthor { lastname: text("V"), ..author.clone() },
            InboundAuthor { lastname: text(""), ..author.clone() },
            InboundAuthor { firstname: text("V"), lastname: text("W"), ..author.clone() },
            InboundAuthor { firstname: text("VW"), ..author.clone() },
            InboundAuthor { avatar_url: text("V"), ..author.clone() },
            InboundAuthor { email: text("V"), ..author.clone() },
            InboundAuthor { home_phone: text("V"), ..author.clone() },
            InboundAuthor { mobile_phone: text("V"), ..author.clone() },
            InboundAuthor { gender: Some(inbound::Gender::Woman), ..author.clone() },
            InboundAuthor { puppetizable: true, ..author.clone() },
            InboundAuthor { context_data: context("k", json!(1)), ..author.clone() },
            InboundAuthor { context_data: context("k", json!("1")), ..author.clone() },
            author,
        ];
        let mut prints: Vec<_> = others.iter().map(fingerprint).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), others.len());
    }

    #[test]
    fn a_name_is_shown_for_whatever_is_known() {
        for (first, last, screen, expected) in [
            (Some("Vera"), Some("Visitor"), Some("vv"), Some("Vera Visitor")),
            (Some("Vera"), None, Some("vv"), Some("Vera")),
            (None, Some("Visitor"), Some("vv"), Some("Visitor")),
            (None, None, Some("vv"), Some("vv")),
            (None, None, None, None),
        ] {
            assert_eq!(display_name(first, last, screen).as_deref(), expected);
        }
    }

    #[test]
    fn extra_values_are_merged_and_bounded() {
        let told = |value: Value| value.as_object().cloned().unwrap();
        let after = merged(r#"{"a":1,"b":"x"}"#, &told(json!({"b": "y", "a": null, "c": [1]}))).unwrap();
        assert_eq!(after, r#"{"a":1,"b":"y","c":[1]}"#);
        assert_eq!(merged(r#"{"a":1}"#, &Map::new()).unwrap(), r#"{"a":1}"#);
        let many: Map<_, _> = (0..=EXTRA_VALUES_MAX).map(|number| (number.to_string(), json!(0))).collect();
        let full = merged("{}", &many).unwrap();
        let after: Map<String, Value> =
            serde_json::from_str(&merged(&full, &told(json!({"0": 1, "new": 1}))).unwrap()).unwrap();
        assert_eq!((after.len(), &after["0"], after.get("new")), (EXTRA_VALUES_MAX, &json!(1), None));
    }
}
