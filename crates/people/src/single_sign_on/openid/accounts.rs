//! Whose somebody is whom the provider vouches for.

use frontdesk_model::{Env, Id, Result};
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::OpenId;
use super::token::Person;
use crate::users::NewUser;
use crate::{checked, events, users};

/// The user: who is known by their subject; else, where it is allowed, who has their verified e-mail, or a new one.
pub(super) fn user(tx: &mut dyn Tx, env: &Env, openid: &OpenId, issuer: &str, person: &Person) -> Result<Option<Id>> {
    let sql = "SELECT id, enabled FROM users
         WHERE openid_issuer = $1 AND openid_subject = $2 AND deleted_at IS NULL";
    if let Some(row) = tx.first(sql, args![issuer, &person.subject])? {
        // Who is disabled does not come in as somebody else.
        return if row.get(1)? { row.get(0).map(Some) } else { Ok(None) };
    }
    let Some(email) = email(openid, person) else { return Ok(None) };
    match users::id_by_email(tx, email)? {
        Some(id) if openid.match_by_email => {
            let sql = "UPDATE users SET openid_issuer = $2, openid_subject = $3, updated_at = $4
                 WHERE id = $1 AND enabled AND (openid_issuer IS NULL OR openid_issuer <> $2)";
            if tx.execute(sql, args![&id, issuer, &person.subject, env.now()])? == 0 {
                return Ok(None);
            }
            let told = json!({ "changed": ["openid_subject"] });
            tx.append(events::of(Some(id), env, "user.updated", id, told));
            Ok(Some(id))
        }
        None if openid.create_users => create(tx, env, openid, issuer, person, email),
        _ => Ok(None),
    }
}

/// The e-mail that says who somebody is: verified, and of a domain that is allowed.
fn email<'p>(openid: &OpenId, person: &'p Person) -> Option<&'p str> {
    let email = person.email.as_deref().filter(|email| person.email_verified && checked::is_email(email))?;
    let domain = email.rsplit('@').next()?.to_lowercase();
    (openid.email_domains.is_empty() || openid.email_domains.contains(&domain)).then_some(email)
}

fn create(
    tx: &mut dyn Tx,
    env: &Env,
    openid: &OpenId,
    issuer: &str,
    person: &Person,
    email: &str,
) -> Result<Option<Id>> {
    let Some(role_id) = openid.role_id else { return Ok(None) };
    if tx.first("SELECT 1 FROM roles WHERE id = $1", args![&role_id])?.is_none() {
        return Ok(None);
    }
    let (firstname, lastname) = names(person, email);
    let new = NewUser { email, firstname: &firstname, lastname: &lastname, role_id, password_hash: None };
    let id = users::create(tx, env, &new)?;
    let sql = "UPDATE users SET openid_issuer = $2, openid_subject = $3 WHERE id = $1";
    tx.execute(sql, args![&id, issuer, &person.subject])?;
    Ok(Some(id))
}

/// First and last name, neither empty: what the provider says, or what their e-mail begins with.
fn names(person: &Person, email: &str) -> (String, String) {
    let usable = |text: &Option<String>| text.as_deref().and_then(|text| checked::name("name", text).ok());
    let local = email.split('@').next().unwrap_or_default().to_owned();
    if let (Some(first), Some(last)) = (usable(&person.given_name), usable(&person.family_name)) {
        return (first, last);
    }
    let whole = usable(&person.name).or_else(|| usable(&person.given_name)).unwrap_or(local);
    match whole.split_once(' ') {
        Some((first, last)) => (first.to_owned(), last.trim().to_owned()),
        None => (whole.clone(), whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: &str, given: Option<&str>, family: Option<&str>, name: Option<&str>) -> Person {
        Person {
            subject: "7".into(),
            email: Some(email.into()),
            email_verified: true,
            given_name: given.map(str::to_owned),
            family_name: family.map(str::to_owned),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn only_a_verified_address_of_an_allowed_domain_says_who_somebody_is() {
        let mut openid = OpenId { email_domains: vec!["example.com".into()], ..OpenId::default() };
        for (address, is_fine) in [
            ("ada@example.com", true),
            ("ada@EXAMPLE.com", true),
            ("ada@example.com.evil.net", false),
            ("ada@evil-example.com", false),
            ("ada@sub.example.com", false),
            ("\"ada@example.com\"@evil.net", false),
            ("ada", false),
        ] {
            assert_eq!(email(&openid, &person(address, None, None, None)).is_some(), is_fine, "{address}");
        }
        let unverified = Person { email_verified: false, ..person("ada@example.com", None, None, None) };
        assert_eq!(email(&openid, &unverified), None);
        openid.email_domains.clear();
        assert!(email(&openid, &person("ada@other.org", None, None, None)).is_some());
    }

    #[test]
    fn everybody_gets_a_name() {
        for (given, family, name, whole) in [
            (Some("Ada"), Some("Lovelace"), Some("Countess"), ("Ada", "Lovelace")),
            (None, None, Some("Ada King Lovelace"), ("Ada", "King Lovelace")),
            (Some("Ada"), None, None, ("Ada", "Ada")),
            (Some(" "), Some("a\nb"), None, ("ada.l", "ada.l")),
            (None, None, None, ("ada.l", "ada.l")),
        ] {
            let (first, last) = names(&person("ada.l@example.com", given, family, name), "ada.l@example.com");
            assert_eq!((first.as_str(), last.as_str()), whole);
        }
    }
}
