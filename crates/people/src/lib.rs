//! People: users, teams, roles, access tokens and sessions, how one becomes a caller, presence, and mails to users.

pub mod access_tokens;
pub mod callers;
pub mod checked;
pub mod custom_fields;
mod events;
pub mod locales;
pub mod mails;
pub mod password;
mod password_changes;
pub mod password_links;
pub mod presence;
pub mod roles;
pub mod second_factor;
pub mod sessions;
pub mod settings;
pub mod setup;
mod signatures;
mod single_sign_on;
pub mod sources_permissions;
mod tags;
pub mod teams;
pub mod time_sheets;
pub mod user_notifications;
pub mod users;

use frontdesk_net::Outbound;
use frontdesk_rest::Operation;
use frontdesk_store::Seal;

/// The operations of this crate. `public_url`: where browsers reach this server, without a slash at the end. `sends_mails`:
/// whether there is a mail server.
pub fn operations(seal: &Seal, outbound: &Outbound, public_url: &str, sends_mails: bool) -> Vec<Operation> {
    let mut operations = users::operations(password_links::Links::new(seal, public_url), sends_mails);
    operations.extend(sources_permissions::operations());
    operations.extend(signatures::operations());
    operations.extend(user_notifications::operations());
    operations.extend(roles::operations());
    operations.extend(teams::operations());
    operations.extend(access_tokens::rest::operations());
    operations.extend(sessions::rest::operations());
    operations.extend(second_factor::operations());
    operations.extend(single_sign_on::operations(seal, outbound, public_url));
    operations.extend(settings::operations());
    operations.extend(locales::operations());
    operations.extend(time_sheets::operations());
    operations.extend(tags::operations());
    operations.extend(custom_fields::operations());
    operations.extend(presence::operations());
    operations
}
