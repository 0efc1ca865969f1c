//! What a fresh installation begins with: two roles, an administrator and an access token.

use frontdesk_model::{Env, Id, Permission, Permissions, Result, Secret};
use frontdesk_store::Tx;

use crate::users::NewUser;
use crate::{access_tokens, password, roles, settings, users};

/// The administrator's e-mail on a fresh installation.
pub const ADMINISTRATOR_EMAIL: &str = "admin@frontdesk.local";

/// What a person needs to sign in for the first time. Shown once and kept nowhere.
pub struct FirstSignIn {
    /// The administrator's e-mail.
    pub email: &'static str,
    /// Their password.
    pub password: Secret,
    /// An access token that acts for them.
    pub token: Secret,
}

/// Makes the account; then the roles, the administrator and their token, unless there are users already.
pub fn first_start(tx: &mut dyn Tx, env: &Env, password: &Secret, hash: &str) -> Result<Option<FirstSignIn>> {
    settings::ensure(tx, env)?;
    if tx.first("SELECT 1 FROM users LIMIT 1", &[])?.is_some() {
        return Ok(None);
    }
    let role_id = roles::create(tx, env, "Administrator", Permissions::ALL)?;
    roles::create(tx, env, "Agent", agent())?;
    let administrator = NewUser {
        email: ADMINISTRATOR_EMAIL,
        firstname: "Otto",
        lastname: "Operator",
        role_id,
        password_hash: Some(hash),
    };
    let user_id: Id = users::create(tx, env, &administrator)?;
    let (_, token) = access_tokens::create(tx, env, None, user_id, "First start")?;
    Ok(Some(FirstSignIn { email: ADMINISTRATOR_EMAIL, password: password.clone(), token }))
}

/// A password for the administrator of a fresh installation, and its hash. Hashing is slow on purpose, so it is done
/// before the transaction.
pub fn first_password(env: &Env) -> Result<(Secret, String)> {
    let password = password::generate(env);
    let hash = password::hash(env, &password)?;
    Ok((password, hash))
}

/// What an agent may do at first: converse, and see what is needed for it.
pub fn agent() -> Permissions {
    [
        Permission::AccessPreviousMessages,
        Permission::AccessPullMode,
        Permission::AssignIntervention,
        Permission::CloseContentThread,
        Permission::ManageOwnNotifications,
        Permission::OpenContentThread,
        Permission::ReadCommunity,
        Permission::ReadContentSource,
        Permission::ReadIdentity,
        Permission::ReadOwnStats,
        Permission::ReadUser,
        Permission::ReceiveTasks,
        Permission::ReplyWithAssistant,
        Permission::SearchContents,
        Permission::UpdateIdentity,
        Permission::UpdateOwnIntervention,
        Permission::UseEmoji,
    ]
    .into_iter()
    .collect()
}
