//! Sign-on by OpenID Connect (Core 1.0): the authorisation code flow with PKCE, state and nonce. The provider is found by its
//! issuer (Discovery 1.0), asked through the guarded client, and believed only by the keys that it publishes.

mod accounts;
mod http;
mod provider;
mod token;

use axum::http::Method;
use frontdesk_model::{Id, Permission, Result, Secret, error};
use frontdesk_net::Outbound;
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Seal, Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::{Host, Url};

use super::{URL_CHARACTERS_MAX, Way, host, require_everything, save, wrong};
use crate::{checked, events, users};

pub(super) use http::router;
pub(crate) use provider::Provider;

const KIND: &str = "openid";
const PURPOSE: &str = "single sign-on:openid";
const SECRET_CHARACTERS_MAX: usize = 1_000;
const DOMAINS_MAX: usize = 100;
/// A subject has at most this many ASCII characters (Core 1.0, section 2).
const SUBJECT_CHARACTERS_MAX: usize = 255;

/// How it is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OpenId {
    enabled: bool,
    issuer: Option<String>,
    client_id: Option<String>,
    name: Option<String>,
    match_by_email: bool,
    create_users: bool,
    role_id: Option<Id>,
    email_domains: Vec<String>,
    sign_out_there: bool,
    non_sso_login: bool,
    default_authentication: bool,
}

impl Default for OpenId {
    fn default() -> OpenId {
        OpenId {
            enabled: false,
            issuer: None,
            client_id: None,
            name: None,
            match_by_email: false,
            create_users: false,
            role_id: None,
            email_domains: Vec::new(),
            sign_out_there: false,
            non_sso_login: true,
            default_authentication: false,
        }
    }
}

impl OpenId {
    /// What is offered to who is not signed in.
    pub(super) fn way(&self) -> Option<Way> {
        let issuer = self.issuer.as_deref().filter(|_| self.enabled)?;
        let name = self.name.clone().unwrap_or_else(|| host(issuer));
        Some(Way { kind: KIND, name, start: http::START, is_default: self.default_authentication })
    }

    /// Whether a password of ours still lets people in.
    pub(super) fn lets_passwords_in(&self) -> bool {
        !self.enabled || self.non_sso_login
    }

    /// Which provider is asked, and as whom; none while it lets nobody in.
    fn client(&self) -> Option<(String, String)> {
        self.issuer.clone().zip(self.client_id.clone()).filter(|_| self.enabled)
    }
}

/// How it is set now.
pub(super) fn openid(tx: &mut dyn Tx) -> Result<OpenId> {
    Ok(super::stored(tx, KIND)?.0)
}

/// Whether who is not signed in is sent to the provider.
pub(super) fn is_default(tx: &mut dyn Tx) -> Result<bool> {
    Ok(openid(tx)?.default_authentication)
}

/// How it is set, and by what we show the provider who we are; none for a client without a secret.
fn with_secret(tx: &mut dyn Tx, seal: &Seal) -> Result<(OpenId, Option<Secret>)> {
    let (openid, sealed) = super::stored::<OpenId>(tx, KIND)?;
    Ok((openid, sealed.map(|sealed| seal.open(PURPOSE, &sealed)).transpose()?))
}

/// OpenID Connect, as an administrator sees it.
#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Whether it lets anybody in.
    enabled: bool,
    /// The provider's issuer.
    issuer: Option<String>,
    /// By what the provider knows this server.
    client_id: Option<String>,
    /// Whether there is a client secret; it is never shown.
    has_client_secret: bool,
    /// What people know the provider by; null: its host.
    name: Option<String>,
    /// Whether a user whose e-mail the provider has verified is theirs.
    match_by_email: bool,
    /// Whether whoever the provider vouches for becomes a user.
    create_users: bool,
    /// The role of users who are made so.
    role_id: Option<Id>,
    /// Users are linked by e-mail and made in these domains only; empty: in all.
    email_domains: Vec<String>,
    /// Whether who signs out here signs out at the provider too.
    sign_out_there: bool,
    /// Whether a password of this account still lets people in.
    non_sso_login: bool,
    /// Whether who is not signed in goes to the provider at once.
    default_authentication: bool,
    /// The redirect URI to register with the provider.
    redirect_uri: String,
    /// Where the provider sends people back to who have signed out there: to be registered as well.
    post_logout_redirect_uri: String,
}

/// Parameters of `updateOpenIdSingleSignOn`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Whether it lets anybody in; it needs an issuer and a client_id.
    enabled: Option<bool>,
    /// The provider's issuer, an https address to which `/.well-known/openid-configuration` is added. Users who are linked
    /// to a subject of another issuer are not found by it.
    issuer: Option<String>,
    /// By what the provider knows this server.
    client_id: Option<String>,
    /// By what this server shows the provider that it is the client, at most 1,000 characters; empty: by nothing but PKCE.
    client_secret: Option<String>,
    /// What people know the provider by, on the page on which they sign in; empty: its host.
    name: Option<String>,
    /// Whether who comes for the first time with an e-mail that the provider has verified is the user with this e-mail.
    match_by_email: Option<bool>,
    /// Whether who comes for the first time and is nobody's becomes a user; it needs a role_id, and their e-mail verified.
    create_users: Option<bool>,
    /// The role of users who are made so; empty: none.
    role_id: Option<String>,
    /// Domains of e-mails, at most 100: only in these are users linked by e-mail and made; empty: in all.
    email_domains: Option<Vec<String>>,
    /// Whether who signs out here signs out at the provider too, where it can (RP-Initiated Logout 1.0).
    sign_out_there: Option<bool>,
    /// Whether a password of this account still lets people in.
    non_sso_login: Option<bool>,
    /// Whether who is not signed in goes to the provider at once; one kind of single sign-on can have that.
    default_authentication: Option<bool>,
}

/// Parameters of `updateUserOpenIdSubject`.
#[derive(Deserialize, JsonSchema)]
struct UpdateUser {
    /// By what the provider that is set now knows the user (`sub`); no other user may have it. Empty: none.
    openid_subject: Option<String>,
}

/// By what a provider knows a user.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Known {
    user_id: Id,
    openid_issuer: Option<String>,
    openid_subject: Option<String>,
}

/// `public_url`: where browsers reach this server, without a slash at the end.
pub(super) fn operations(seal: &Seal, outbound: &Outbound, public_url: &str) -> Vec<Operation> {
    let tag = "Single sign-on";
    let permissions = &[Permission::UpdateSettings];
    let (path, users) = ("/single_sign_on/openid", "/users/{userId}/openid_subject");
    let (seal, outbound, place) = (seal.clone(), outbound.clone(), public_url.to_owned());
    let shown = place.clone();
    vec![
        Operation::read("getOpenIdSingleSignOn", Method::GET, path, move |_, _: NoParameters, tx| show(tx, &shown))
            .tag(tag)
            .summary("Reads how single sign-on by OpenID Connect is set.")
            .permissions(permissions)
            .extension(),
        Operation::write("updateOpenIdSingleSignOn", Method::PUT, path, move |call, given, tx| {
            update(call, given, tx, &seal, &outbound, &place)
        })
        .tag(tag)
        .summary("Sets single sign-on by OpenID Connect; what is not given stays as it is.")
        .notes("Whoever names the provider can sign in as anybody: only who holds every permission may set it.")
        .permissions(permissions)
        .extension(),
        Operation::read("getUserOpenIdSubject", Method::GET, users, |call, _: NoParameters, tx| {
            let user_id = call.id("userId", "user")?;
            users::require_may_sign_in_as(call, user_id, tx)?;
            known(tx, user_id)
        })
        .tag(tag)
        .summary("Reads by what a provider of OpenID Connect knows a user.")
        .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
        .extension(),
        Operation::write("updateUserOpenIdSubject", Method::PUT, users, update_user)
            .tag(tag)
            .summary("Sets by what the provider of OpenID Connect knows a user.")
            .notes(
                "Whoever says who people are can have anybody come in as somebody: only who holds every permission may \
                 change it.",
            )
            .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
            .extension(),
    ]
}

fn show(tx: &mut dyn Tx, public_url: &str) -> Result<Shown> {
    let (openid, sealed) = super::stored::<OpenId>(tx, KIND)?;
    Ok(Shown {
        enabled: openid.enabled,
        issuer: openid.issuer,
        client_id: openid.client_id,
        has_client_secret: sealed.is_some(),
        name: openid.name,
        match_by_email: openid.match_by_email,
        create_users: openid.create_users,
        role_id: openid.role_id,
        email_domains: openid.email_domains,
        sign_out_there: openid.sign_out_there,
        non_sso_login: openid.non_sso_login,
        default_authentication: openid.default_authentication,
        redirect_uri: redirect_uri(public_url),
        post_logout_redirect_uri: after_logout(public_url),
    })
}

fn redirect_uri(public_url: &str) -> String {
    format!("{public_url}{}", http::CALLBACK)
}

fn after_logout(public_url: &str) -> String {
    format!("{public_url}/login")
}

fn update(
    call: &Call,
    given: Update,
    tx: &mut dyn Tx,
    seal: &Seal,
    outbound: &Outbound,
    public_url: &str,
) -> Result<Shown> {
    let (before, sealed) = super::stored::<OpenId>(tx, KIND)?;
    let mut openid = before.clone();
    let mut errors = Vec::new();
    match given.issuer.as_deref().map(str::trim) {
        None => {}
        Some("") => openid.issuer = None,
        Some(text) if !is_secure(text) || text.len() > URL_CHARACTERS_MAX => {
            errors.push(wrong("issuer", "invalid", "must be an https address, without a user, a query or a fragment."));
        }
        Some(text) => match outbound.check_url(text) {
            Ok(_) => openid.issuer = Some(text.to_owned()),
            Err(reason) => errors.push(wrong("issuer", "invalid", &format!("cannot be asked: {reason}."))),
        },
    }
    if let Some(text) = &given.client_id {
        openid.client_id = checked::optional("client_id", text)?;
    }
    if let Some(text) = &given.name {
        openid.name = checked::optional("name", text)?;
    }
    match given.role_id.as_deref().map(str::trim) {
        None => {}
        Some("") => openid.role_id = None,
        Some(text) => match text.parse::<Id>() {
            Ok(id) if tx.first("SELECT 1 FROM roles WHERE id = $1", args![&id])?.is_some() => openid.role_id = Some(id),
            _ => errors.push(wrong("role_id", "unknown", "is no role.")),
        },
    }
    if let Some(domains) = given.email_domains {
        let domains: Vec<String> = domains.iter().map(|domain| domain.trim().to_lowercase()).collect();
        let is_fine =
            domains.len() <= DOMAINS_MAX && domains.iter().all(|domain| checked::is_email(&format!("a@{domain}")));
        if is_fine {
            openid.email_domains = domains;
        } else {
            let message = format!("are at most {DOMAINS_MAX} names, such as example.com.");
            errors.push(wrong("email_domains", "invalid", &message));
        }
    }
    for (given, place) in [
        (given.enabled, &mut openid.enabled),
        (given.match_by_email, &mut openid.match_by_email),
        (given.create_users, &mut openid.create_users),
        (given.sign_out_there, &mut openid.sign_out_there),
        (given.non_sso_login, &mut openid.non_sso_login),
        (given.default_authentication, &mut openid.default_authentication),
    ] {
        *place = given.unwrap_or(*place);
    }
    if given.client_secret.as_ref().is_some_and(|secret| secret.chars().count() > SECRET_CHARACTERS_MAX) {
        let message = format!("has at most {SECRET_CHARACTERS_MAX} characters.");
        errors.push(wrong("client_secret", "too_long", &message));
    }
    if openid.enabled {
        for (name, is_there) in [("issuer", openid.issuer.is_some()), ("client_id", openid.client_id.is_some())] {
            if !is_there && errors.iter().all(|error| error.attribute != name) {
                errors.push(wrong(name, "blank", "can't be blank while this is enabled."));
            }
        }
    }
    if openid.create_users && openid.role_id.is_none() && errors.iter().all(|error| error.attribute != "role_id") {
        errors.push(wrong("role_id", "blank", "can't be blank: new users need a role."));
    }
    if openid.default_authentication && super::jwt::is_default(tx)? {
        let message = "is what JWT has already: one kind can have it.";
        errors.push(wrong("default_authentication", "taken", message));
    }
    if !errors.is_empty() {
        return Err(error::invalid_all(errors));
    }
    if openid != before || given.client_secret.is_some() {
        require_everything(call)?;
        let sealed = match given.client_secret {
            Some(secret) if secret.is_empty() => None,
            Some(secret) => Some(seal.seal(PURPOSE, &Secret::new(secret))?),
            None => sealed,
        };
        save(tx, call, KIND, &openid, sealed.as_deref())?;
    }
    show(tx, public_url)
}

/// An address at which somebody proves who they are: by https, or on this very machine, where nobody listens in.
fn is_secure(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    (url.scheme() == "https" || url.scheme() == "http" && is_here)
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn known(tx: &mut dyn Tx, user_id: Id) -> Result<Known> {
    let row = tx.one("SELECT openid_issuer, openid_subject FROM users WHERE id = $1", args![&user_id])?;
    Ok(Known { user_id, openid_issuer: row.get(0)?, openid_subject: row.get(1)? })
}

fn update_user(call: &Call, given: UpdateUser, tx: &mut dyn Tx) -> Result<Known> {
    let user_id = call.id("userId", "user")?;
    users::require_may_sign_in_as(call, user_id, tx)?;
    let before = known(tx, user_id)?;
    let Some(text) = given.openid_subject else { return Ok(before) };
    let subject = checked::optional("openid_subject", &text)?;
    let issuer = match &subject {
        Some(subject) if subject.len() > SUBJECT_CHARACTERS_MAX || !subject.is_ascii() => {
            let message = format!("openid_subject has at most {SUBJECT_CHARACTERS_MAX} ASCII characters.");
            return Err(error::invalid("openid_subject", "invalid", message));
        }
        Some(_) => Some(openid(tx)?.issuer.ok_or_else(|| {
            error::invalid("openid_subject", "invalid", "openid_subject: set an issuer for OpenID Connect first.")
        })?),
        None => None,
    };
    let after = Known { user_id, openid_issuer: issuer, openid_subject: subject };
    if after == before {
        return Ok(before);
    }
    require_everything(call)?;
    let sql = "SELECT 1 FROM users WHERE openid_issuer = $1 AND openid_subject = $2 AND id <> $3";
    if after.openid_subject.is_some()
        && tx.first(sql, args![&after.openid_issuer, &after.openid_subject, &user_id])?.is_some()
    {
        return Err(error::invalid("openid_subject", "taken", "openid_subject: another user has this one."));
    }
    let sql = "UPDATE users SET openid_issuer = $2, openid_subject = $3, updated_at = $4 WHERE id = $1";
    tx.execute(sql, args![&user_id, &after.openid_issuer, &after.openid_subject, call.env.now()])?;
    tx.append(events::by(call, "user.updated", user_id, json!({ "changed": ["openid_subject"] })));
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_proves_who_they_are_where_others_listen_in() {
        for (text, is_fine) in [
            ("https://id.example.com", true),
            ("https://id.example.com/realms/desk", true),
            ("http://127.0.0.1:4000", true),
            ("http://[::1]:4000", true),
            ("http://localhost:4000", true),
            ("http://id.example.com", false),
            ("http://localhost.example.com", false),
            ("http://192.168.0.1", false),
            ("https://a:b@id.example.com", false),
            ("https://id.example.com/?tenant=7", false),
            ("https://id.example.com/#x", false),
            ("javascript:alert(1)", false),
            ("id.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_secure(text), is_fine, "{text}");
        }
    }
}
