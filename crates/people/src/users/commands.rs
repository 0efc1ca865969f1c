//! What happens to users: one function, one transaction, its events.

use frontdesk_model::error::AttributeError;
use frontdesk_model::lists::each_once;
use frontdesk_model::{Error, Id, Permission, Permissions, Result, Secret, SourceRight, error, time_zones};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::rest::Given;
use super::{Reach, User, find_to_change, lacks, reach, require_an_administrator};
use crate::{
    access_tokens, callers, checked, events, locales, password, password_changes, password_links, roles, sessions,
    settings, single_sign_on, teams,
};

/// At most this many categories, identities or teams of one user.
const LINKS_MAX: usize = 100;
/// At most this many languages of one user.
const LANGUAGES_MAX: usize = 50;

/// Creates a user with a password, or one who signs in without.
pub(super) fn create(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<User> {
    insert(call, given, false, tx)
}

/// Creates a user who has not chosen a password yet.
pub(super) fn invite(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<User> {
    insert(call, given, true, tx)
}

fn insert(call: &Call, given: Given, invited: bool, tx: &mut dyn Tx) -> Result<User> {
    let permission = if invited { Permission::InviteUser } else { Permission::CreateUser };
    let reach = reach(&call.caller, permission);
    if reach == Reach::Nobody {
        return Err(lacks(permission));
    }
    let now = call.env.now();
    let blank = User {
        id: call.env.id(),
        email: String::new(),
        firstname: String::new(),
        lastname: String::new(),
        nickname: None,
        gender: None,
        enabled: true,
        role_id: given.role_id.ok_or_else(|| error::invalid("role_id", "blank", "role_id can't be blank."))?,
        category_ids: Vec::new(),
        identity_ids: Vec::new(),
        team_ids: Vec::new(),
        external_id: None,
        invitation_pending: invited,
        no_password: false,
        locale: None,
        timezone: None,
        spoken_languages: Vec::new(),
        rc_user_id: None,
        user_capacity_id: None,
        created_at: now,
        updated_at: now,
    };
    let user = changed(tx, call, &blank, given, reach)?;
    if reach == Reach::Led && user.team_ids.is_empty() {
        return Err(error::invalid("team_ids", "blank", "team_ids: name a team that you lead."));
    }
    let password_hash = call.prepared.as_deref().filter(|_| !user.no_password);
    if password_hash.is_none() && !user.no_password && !invited {
        return Err(error::invalid("password", "blank", "password can't be blank."));
    }
    tx.execute(
        "INSERT INTO users (id, email, email_key, firstname, lastname, nickname, gender, locale, timezone, external_id,
           spoken_languages, role_id, password_hash, no_password, invitation_pending, enabled, created_at, updated_at,
           user_capacity_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)",
        args![
            &user.id,
            &user.email,
            &user.email.to_lowercase(),
            &user.firstname,
            &user.lastname,
            &user.nickname,
            &user.gender,
            &user.locale,
            &user.timezone,
            &user.external_id,
            &json!(user.spoken_languages).to_string(),
            &user.role_id,
            password_hash,
            user.no_password,
            user.invitation_pending,
            user.enabled,
            now,
            &user.user_capacity_id
        ],
    )?;
    write_links(tx, &blank, &user)?;
    let kind = if invited { "user.invited" } else { "user.created" };
    tx.append(events::by(call, kind, user.id, json!({ "role_id": user.role_id })));
    announce_categories(call, &blank, &user, tx);
    Ok(user)
}

/// Changes a user.
pub(super) fn update(call: &Call, id: Id, given: Given, tx: &mut dyn Tx) -> Result<User> {
    let before = find_to_change(tx, &call.caller, id)?;
    let after = changed(tx, call, &before, given, reach(&call.caller, Permission::UpdateUser))?;
    let password_hash = call.prepared.as_deref().filter(|_| !after.no_password);
    if before.no_password && !after.no_password && password_hash.is_none() {
        let message = "password can't be blank: this user has none yet.";
        return Err(error::invalid("password", "blank", message));
    }
    let after = User {
        invitation_pending: before.invitation_pending && password_hash.is_none() && !after.no_password,
        ..after
    };
    let mut fields = changed_fields(&before, &after);
    if password_hash.is_some() {
        fields.push("password");
    }
    if fields.is_empty() {
        return Ok(before);
    }
    if fields.iter().any(|field| SIGNS_IN_BY.contains(field)) {
        require_covered(call, id, tx)?;
    }
    let user = User { updated_at: call.env.now(), ..after };
    if password_hash.is_some() {
        password_changes::note(tx, &call.env, Some(call.caller.user_id), user.id)?;
    }
    if fields.iter().any(|field| ["email", "enabled", "no_password"].contains(field)) {
        password_links::forget(tx, user.id)?;
    }
    tx.execute(
        "UPDATE users SET email = $2, email_key = $3, firstname = $4, lastname = $5, nickname = $6, gender = $7,
           locale = $8, timezone = $9, external_id = $10, spoken_languages = $11, role_id = $12,
           password_hash = CASE WHEN $14 THEN NULL ELSE coalesce($13, password_hash) END, no_password = $14,
           invitation_pending = $15, enabled = $16, updated_at = $17, user_capacity_id = $18
         WHERE id = $1",
        args![
            &user.id,
            &user.email,
            &user.email.to_lowercase(),
            &user.firstname,
            &user.lastname,
            &user.nickname,
            &user.gender,
            &user.locale,
            &user.timezone,
            &user.external_id,
            &json!(user.spoken_languages).to_string(),
            &user.role_id,
            password_hash,
            user.no_password,
            user.invitation_pending,
            user.enabled,
            user.updated_at,
            &user.user_capacity_id
        ],
    )?;
    write_links(tx, &before, &user)?;
    if before.enabled && roles::permissions(tx, before.role_id)? == Permissions::ALL {
        require_an_administrator(tx)?;
    }
    tx.append(events::by(call, "user.updated", user.id, json!({ "changed": fields })));
    if user.role_id != before.role_id
        && !roles::permissions(tx, before.role_id)?.covers(roles::permissions(tx, user.role_id)?)
    {
        access_tokens::disable_outgrown(tx, &call.env, call.caller.user_id, user.id)?;
    }
    // Whoever came in by what no longer holds is out; the caller's own place stays.
    if fields.iter().any(|field| ["password", "no_password", "enabled"].contains(field)) {
        sessions::end_all(tx, &call.env, Some(call.caller.user_id), user.id, call.caller.session_id)?;
    }
    announce_categories(call, &before, &user, tx);
    Ok(user)
}

/// Whoever changes one of these can sign in as the user.
const SIGNS_IN_BY: [&str; 4] = ["email", "password", "no_password", "external_id"];

/// 403 unless the caller would gain nothing by being this user.
fn require_covered(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let user = callers::potential(tx, id)?.ok_or_else(|| error::not_found("user"))?;
    if call.caller.covers(&user) {
        return Ok(());
    }
    let names = SIGNS_IN_BY.join(", ");
    Err(error::forbidden(format!("The user holds rights on sources that you lack: you may not change their {names}.")))
}

/// 403 unless the caller may change what the user signs in by.
pub(crate) fn require_may_sign_in_as(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    find_to_change(tx, &call.caller, id)?;
    require_covered(call, id, tx)
}

/// Deletes a user. What they wrote and handled refers to the row, which stays with their name and nothing else: their
/// tokens, rights, signatures and links go, and e-mail and external id are free again.
pub(super) fn delete(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<User> {
    let user = find_to_change(tx, &call.caller, id)?;
    for row in tx.query("SELECT id FROM access_tokens WHERE user_id = $1", args![&id])? {
        tx.append(events::by(call, "api_access_token.destroyed", row.get(0)?, json!({})));
    }
    sessions::end_all(tx, &call.env, Some(call.caller.user_id), id, None)?;
    for table in [
        "access_tokens",
        "source_permissions",
        "identity_users",
        "team_users",
        "team_leaders",
        "user_categories",
        "user_signatures",
        "former_passwords",
        "password_links",
        "second_factors",
        "recovery_codes",
        "thread_drafts",
        "user_notifications",
    ] {
        tx.execute(&format!("DELETE FROM {table} WHERE user_id = $1"), args![&id])?;
    }
    let now = call.env.now();
    tx.execute(
        "UPDATE users SET deleted_at = $2, updated_at = $2, enabled = FALSE, email = '', email_key = $3,
           external_id = NULL, jwt_external_id = NULL, openid_issuer = NULL,
           openid_subject = NULL, password_hash = NULL, invitation_pending = FALSE, nickname = NULL, gender = NULL,
           locale = NULL, timezone = NULL, spoken_languages = '[]', user_capacity_id = NULL
         WHERE id = $1",
        args![&id, now, &format!("deleted {id}")],
    )?;
    if user.enabled && roles::permissions(tx, user.role_id)? == Permissions::ALL {
        require_an_administrator(tx)?;
    }
    tx.append(events::by(call, "user.destroyed", id, json!({ "role_id": user.role_id })));
    Ok(user)
}

/// What is wrong with a request, attribute by attribute.
#[derive(Default)]
struct Faults(Vec<AttributeError>);

impl Faults {
    /// Sets `place` to a checked value, or notes what is wrong with it. Other errors are no matter of one attribute.
    fn set<T>(&mut self, place: &mut T, checked: Result<T>) -> Result<()> {
        match checked {
            Ok(value) => *place = value,
            Err(Error::Refused(refusal)) if !refusal.errors.is_empty() => self.0.extend(refusal.errors),
            Err(other) => return Err(other),
        }
        Ok(())
    }
}

/// The user with what was given; 422 that tells everything that cannot be, 403 for what the caller may not give.
fn changed(tx: &mut dyn Tx, call: &Call, before: &User, given: Given, reach: Reach) -> Result<User> {
    let mut user = before.clone();
    let mut faults = Faults::default();
    let attributes = given.attributes;
    if let Some(text) = given.email {
        faults.set(&mut user.email, email(tx, before.id, &text))?;
    }
    if let Some(text) = given.firstname {
        faults.set(&mut user.firstname, checked::name("firstname", &text))?;
    }
    if let Some(text) = given.lastname {
        faults.set(&mut user.lastname, checked::name("lastname", &text))?;
    }
    if let Some(text) = attributes.nickname {
        faults.set(&mut user.nickname, checked::optional("nickname", &text))?;
    }
    if let Some(text) = attributes.external_id {
        faults.set(&mut user.external_id, external_id(tx, before.id, &text))?;
    }
    if let Some(code) = attributes.locale {
        faults.set(&mut user.locale, locale("locale", &code))?;
    }
    if let Some(name) = attributes.timezone {
        faults.set(&mut user.timezone, timezone(&name))?;
    }
    if let Some(codes) = attributes.spoken_languages {
        faults.set(&mut user.spoken_languages, languages(&codes))?;
    }
    if let Some(gender) = attributes.gender {
        user.gender = gender.map(|gender| json!(gender).as_str().unwrap_or_default().to_owned());
    }
    if let Some(ids) = attributes.category_ids {
        faults.set(&mut user.category_ids, categories(tx, ids))?;
    }
    if let Some(ids) = attributes.identity_ids {
        faults.set(&mut user.identity_ids, identities(tx, call, before, ids))?;
    }
    if let Some(ids) = attributes.team_ids {
        faults.set(&mut user.team_ids, team_ids(tx, call, before, ids, reach))?;
    }
    if let Some(text) = attributes.user_capacity_id {
        faults.set(&mut user.user_capacity_id, user_capacity(tx, &text))?;
    }
    let password = given.password.filter(|password| !password.is_empty());
    user.no_password = given.no_password.unwrap_or(before.no_password && password.is_none());
    if let Some(password) = password.filter(|_| !user.no_password) {
        faults.set(&mut (), password::check(&Secret::new(password), &settings::load(tx)?))?;
    }
    user.enabled = attributes.enabled.unwrap_or(user.enabled);
    if let Some(id) = given.role_id {
        faults.set(&mut user.role_id, role(tx, call, id))?;
    }
    if !faults.0.is_empty() {
        return Err(error::invalid_all(faults.0));
    }
    if user.external_id != before.external_id {
        single_sign_on::require_may_name(tx, &call.caller)?;
    }
    Ok(user)
}

fn email(tx: &mut dyn Tx, id: Id, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(error::invalid("email", "blank", "email can't be blank."));
    }
    if text.chars().count() > checked::EMAIL_CHARACTERS_MAX {
        let message = format!("email has at most {} characters.", checked::EMAIL_CHARACTERS_MAX);
        return Err(error::invalid("email", "too_long", message));
    }
    if !checked::is_email(text) {
        return Err(error::invalid("email", "invalid", "email should look like name@example.com."));
    }
    let sql = "SELECT 1 FROM users WHERE email_key = $1 AND id <> $2";
    if tx.first(sql, args![&text.to_lowercase(), &id])?.is_some() {
        return Err(error::invalid("email", "taken", "email: another user has this one."));
    }
    Ok(text.to_owned())
}

/// A capacity profile; none for the empty text.
fn user_capacity(tx: &mut dyn Tx, text: &str) -> Result<Option<Id>> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = || error::invalid("user_capacity_id", "unknown", "user_capacity_id: there is no such profile.");
    let id: Id = text.parse().map_err(|_| unknown())?;
    let found = tx.first("SELECT 1 FROM user_capacities WHERE id = $1", args![&id])?;
    found.map(|_| Some(id)).ok_or_else(unknown)
}

fn external_id(tx: &mut dyn Tx, id: Id, text: &str) -> Result<Option<String>> {
    let external_id = checked::optional("external_id", text)?;
    if let Some(text) = &external_id
        && single_sign_on::is_name_of_another(tx, id, text)?
    {
        return Err(error::invalid("external_id", "taken", "external_id: another user has this one."));
    }
    Ok(external_id)
}

fn locale(attribute: &str, code: &str) -> Result<Option<String>> {
    if code.is_empty() || locales::is_known(code) {
        return Ok(Some(code.to_owned()).filter(|code| !code.is_empty()));
    }
    Err(error::invalid(attribute, "inclusion", format!("{attribute}: must be a code that GET /locales lists.")))
}

fn timezone(name: &str) -> Result<Option<String>> {
    if name.is_empty() || time_zones::find(name).is_some() {
        return Ok(Some(name.to_owned()).filter(|name| !name.is_empty()));
    }
    Err(error::invalid("timezone", "inclusion", "timezone: must be a name that GET /timezones lists."))
}

fn languages(codes: &[String]) -> Result<Vec<String>> {
    let known = each_once(codes.iter().filter(|code| !code.is_empty()).cloned());
    known.iter().try_for_each(|code| locale("spoken_languages", code).map(drop))?;
    if known.len() > LANGUAGES_MAX {
        let message = format!("spoken_languages has at most {LANGUAGES_MAX} elements.");
        return Err(error::invalid("spoken_languages", "too_long", message));
    }
    Ok(known)
}

fn categories(tx: &mut dyn Tx, ids: Vec<Id>) -> Result<Vec<Id>> {
    let ids = checked::distinct("category_ids", ids, LINKS_MAX)?;
    checked::known(tx, "categories", &ids, "category_ids", "category")?;
    Ok(ids)
}

/// Identities that agents may write as, on sources that the caller may read; what the user has already may stay. A
/// customer's identity is not among them: nobody writes as a customer.
fn identities(tx: &mut dyn Tx, call: &Call, before: &User, ids: Vec<Id>) -> Result<Vec<Id>> {
    let wanted = each_once(ids);
    if wanted.len() > LINKS_MAX {
        let message = format!("identity_ids has at most {LINKS_MAX} elements.");
        return Err(error::invalid("identity_ids", "too_long", message));
    }
    let new: Vec<Id> = wanted.iter().filter(|id| !before.identity_ids.contains(id)).copied().collect();
    let sources = call.caller.sources_with(SourceRight::Read);
    let sql = format!(
        "SELECT id, controlled FROM identities WHERE {}
           AND community_id IN (SELECT community_id FROM sources WHERE {})",
        tx.in_list("id", 1),
        tx.in_list("id", 2)
    );
    let rows = tx.query(&sql, args![&new, &sources])?;
    let known: Vec<(Id, bool)> = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_>>()?;
    for id in &new {
        let (kind, reason) = match known.iter().find(|(known, _)| known == id) {
            Some((_, true)) => continue,
            Some((_, false)) => ("invalid", "is a customer's: agents may not write as it"),
            None => ("unknown", "does not exist, or you may not read it"),
        };
        return Err(error::invalid("identity_ids", kind, format!("identity_ids: {id} {reason}.")));
    }
    Ok(wanted)
}

/// The teams of the user when these are asked for. Who is limited to the teams that they lead adds and removes those
/// only: 403 for another one, and others stay.
fn team_ids(tx: &mut dyn Tx, call: &Call, before: &User, ids: Vec<Id>, reach: Reach) -> Result<Vec<Id>> {
    let mut wanted = checked::distinct("team_ids", ids, LINKS_MAX)?;
    checked::known(tx, "teams", &wanted, "team_ids", "team")?;
    if reach == Reach::Led {
        let led = teams::led_by(tx, call.caller.user_id)?;
        if wanted.iter().any(|id| !led.contains(id) && !before.team_ids.contains(id)) {
            return Err(error::forbidden("team_ids: you may only add users to teams that you lead."));
        }
        wanted.extend(before.team_ids.iter().filter(|id| !led.contains(id)));
        wanted.sort_unstable();
        wanted.dedup();
    }
    let new: Vec<Id> = wanted.iter().filter(|id| !before.team_ids.contains(id)).copied().collect();
    teams::require_room(tx, &new)?;
    Ok(wanted)
}

/// Nobody gives a role that holds what theirs lacks.
fn role(tx: &mut dyn Tx, call: &Call, id: Id) -> Result<Id> {
    let unknown = || error::invalid("role_id", "unknown", "role_id: there is no such role.");
    let permissions = roles::permissions(tx, id).map_err(|error| error.or_missing(unknown))?;
    if !call.caller.permissions.covers(permissions) {
        return Err(error::forbidden("role_id: this role holds permissions that yours lacks."));
    }
    Ok(id)
}

/// Replaces the links that differ.
fn write_links(tx: &mut dyn Tx, before: &User, after: &User) -> Result<()> {
    let links = [
        ("user_categories", "category_id", &before.category_ids, &after.category_ids),
        ("team_users", "team_id", &before.team_ids, &after.team_ids),
    ];
    for (table, column, before, ids) in links {
        if before == ids {
            continue;
        }
        tx.execute(&format!("DELETE FROM {table} WHERE user_id = $1"), args![&after.id])?;
        for id in ids {
            tx.execute(&format!("INSERT INTO {table} (user_id, {column}) VALUES ($1, $2)"), args![&after.id, id])?;
        }
    }
    if before.identity_ids != after.identity_ids {
        tx.execute("DELETE FROM identity_users WHERE user_id = $1", args![&after.id])?;
        for (position, id) in (0_i64..).zip(&after.identity_ids) {
            tx.execute(
                "INSERT INTO identity_users (user_id, identity_id, position) VALUES ($1, $2, $3)",
                args![&after.id, id, position],
            )?;
        }
    }
    Ok(())
}

/// Which skills came and went, in events of their own.
fn announce_categories(call: &Call, before: &User, after: &User, tx: &mut dyn Tx) {
    let beyond =
        |one: &[Id], other: &[Id]| -> Vec<Id> { one.iter().filter(|id| !other.contains(id)).copied().collect() };
    for (kind, ids) in [
        ("user.categories_added", beyond(&after.category_ids, &before.category_ids)),
        ("user.categories_removed", beyond(&before.category_ids, &after.category_ids)),
    ] {
        if !ids.is_empty() {
            tx.append(events::by(call, kind, after.id, json!({ "category_ids": ids })));
        }
    }
}

/// The names of the attributes that differ.
fn changed_fields(before: &User, after: &User) -> Vec<&'static str> {
    [
        ("email", before.email != after.email),
        ("firstname", before.firstname != after.firstname),
        ("lastname", before.lastname != after.lastname),
        ("nickname", before.nickname != after.nickname),
        ("gender", before.gender != after.gender),
        ("enabled", before.enabled != after.enabled),
        ("role_id", before.role_id != after.role_id),
        ("category_ids", before.category_ids != after.category_ids),
        ("identity_ids", before.identity_ids != after.identity_ids),
        ("team_ids", before.team_ids != after.team_ids),
        ("external_id", before.external_id != after.external_id),
        ("no_password", before.no_password != after.no_password),
        ("locale", before.locale != after.locale),
        ("timezone", before.timezone != after.timezone),
        ("spoken_languages", before.spoken_languages != after.spoken_languages),
        ("user_capacity_id", before.user_capacity_id != after.user_capacity_id),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
