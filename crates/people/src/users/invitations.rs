//! How an invitation reaches who is invited: by mail, or, where no mail arrives, by a link that a colleague hands on. Whoever
//! makes one could as well set a password: the same rights are asked for.

use frontdesk_model::{Env, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{User, commands, find, find_to_change};
use crate::password_links::{self, Links, Purpose};
use crate::{events, mails};

/// What became of an invitation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserInvitation")]
struct Invitation {
    /// Whether the user has yet to choose a password.
    pending: bool,
    /// Whether this server has a mail server; without one nobody gets an invitation.
    mail_server: bool,
    /// Whether a mail with a link that works was sent or is about to be.
    mailed: bool,
    /// Why the mail could not be sent so far, or at all; null when nothing is known to be wrong.
    mail_error: Option<String>,
}

/// A link by which the user chooses a password.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserInvitationLink")]
struct InvitationLink {
    /// Its address, told this once; a secret.
    url: String,
    /// Until when it works.
    ends_at: Timestamp,
}

pub(super) fn operations(links: Links, sends_mails: bool) -> Vec<Operation> {
    let tag = "Users";
    vec![
        Operation::read(
            "getUserInvitation",
            Method::GET,
            "/users/{userId}/invitation",
            move |call, _: NoParameters, tx| {
                let user = find(tx, &call.caller, call.id("userId", "user")?)?;
                invitation(&user, &call.env, sends_mails, tx)
            },
        )
        .tag(tag)
        .summary("Tells whether a user has yet to choose a password, and whether the mail about that can reach them.")
        .notes("As reading the user.")
        .extension(),
        Operation::write(
            "createUserInvitationLink",
            Method::POST,
            "/users/{userId}/invitation/link",
            move |call, _: NoParameters, tx| create_link(&links, sends_mails, call, tx),
        )
        .tag(tag)
        .summary("Makes a link by which an invited user chooses a password, for who cannot be reached by mail.")
        .notes(
            "It works once and for a day, and takes the place of the last one. The caller must be able to do all that \
             the user can, also when it is used: once the user may do more, it works no longer. 422 for who is disabled or has a password already, and while a mail with a link that works is under way.",
        )
        .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
        // A secret is not kept to be told again.
        .unkept()
        .extension(),
    ]
}

fn invitation(user: &User, env: &Env, sends_mails: bool, tx: &mut dyn Tx) -> Result<Invitation> {
    let mail_error = mails::error(tx, &mails::letters::invitation_key(&user.email))?;
    // The letter makes the link. It ends when the address changes, and after three days.
    let is_alive = password_links::is_alive(tx, env, user.id, Purpose::Invitation)?;
    let mailed = sends_mails && is_alive && mail_error.is_none();
    Ok(Invitation { pending: user.invitation_pending, mail_server: sends_mails, mailed, mail_error })
}

fn create_link(links: &Links, sends_mails: bool, call: &Call, tx: &mut dyn Tx) -> Result<InvitationLink> {
    let id = call.id("userId", "user")?;
    commands::require_may_sign_in_as(call, id, tx)?;
    let user = find_to_change(tx, &call.caller, id)?;
    if !user.enabled {
        return Err(error::unprocessable("disabled", "This user is disabled: enable them first."));
    }
    let told = invitation(&user, &call.env, sends_mails, tx)?;
    if !told.pending {
        return Err(error::unprocessable(
            "no_invitation",
            "This user has been let in already: set a password instead.",
        ));
    }
    if told.mailed {
        return Err(error::unprocessable("sent_by_mail", "The invitation goes by mail, with a link of its own."));
    }
    let link = links.create(tx, &call.env, id, Purpose::Setup, Some(call.caller.owner_id))?;
    let ends_at = tx.one("SELECT ends_at FROM password_links WHERE id = $1", args![&link])?.get(0)?;
    // The journal's name for it: somebody can choose a password now.
    tx.append(events::by(call, "user.password_recovery_instructions_sent", id, json!({})));
    Ok(InvitationLink { url: links.url(link).reveal().to_owned(), ends_at })
}
