//! The commands of an operator, wherever they run: in the server, or beside a store that no server has open.

use frontdesk_conversations::attachments::Files;
use frontdesk_model::Env;
use frontdesk_people::password_links::{Links, Purpose};
use frontdesk_people::{access_tokens, mails, second_factor, users};
use frontdesk_routing::rehearsal;
use frontdesk_store::{Store, Tx};

use crate::backup;
use crate::control::Command;

/// What operators' commands need.
pub(crate) struct Admin {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) files: Files,
    pub(crate) links: Links,
}

impl Admin {
    /// Runs a command; its text is what the command prints.
    pub(crate) async fn run(&self, command: Command) -> Result<String, String> {
        match command {
            Command::CreateToken { user, label } => self.create_token(user, label).await,
            Command::ResetPassword { user, reset_second_factor } => {
                self.reset_password(user, reset_second_factor).await
            }
            Command::ListMails => self.list_mails().await,
            Command::Rehearse { topology, since, until } => self.rehearse(topology, since, until).await,
            Command::Backup { file } => {
                backup::write(&self.store, &self.files, &self.env, &file).await.map(|summary| summary.to_string())
            }
        }
    }

    /// What another topology would have made of what happened.
    async fn rehearse(&self, topology: String, since: String, until: Option<String>) -> Result<String, String> {
        let now = self.env.now();
        let read = move |tx: &mut dyn Tx| {
            let (plan, since, until) = rehearsal::asked(tx, &topology, &since, until.as_deref(), now)?;
            Ok((plan, rehearsal::record(tx, since, until)?))
        };
        let (plan, traffic) = self.store.read(read).await.map_err(|error| error.to_string())?;
        let rehearsed = tokio::task::spawn_blocking(move || rehearsal::rehearse(&plan, &traffic).to_string());
        rehearsed.await.map_err(|trouble| trouble.to_string())
    }

    /// A line for each mail that waits or was given up.
    async fn list_mails(&self) -> Result<String, String> {
        let mails = self.store.read(mails::list).await.map_err(|error| error.to_string())?;
        let lines = mails.iter().map(|mail| {
            let (status, queued_at) = (if mail.failed { "failed " } else { "waiting" }, mail.created_at.rest());
            let error = mail.error.as_deref().unwrap_or("");
            format!("{status}  {queued_at}  {}  {}  attempts: {}  {error}\n", mail.to, mail.subject, mail.attempts)
        });
        Ok(lines.collect())
    }

    /// A link by which a user chooses a password, whatever they had before.
    async fn reset_password(&self, email: String, reset_second_factor: bool) -> Result<String, String> {
        let (env, links) = (self.env.clone(), self.links.clone());
        let made = self.store.write(move |tx| {
            let Some(user_id) = users::id_by_email(tx, &email)? else {
                return Ok(Err("there is no user with this e-mail"));
            };
            if !users::take_password(tx, &env, user_id)? {
                return Ok(Err("this user is disabled"));
            }
            if reset_second_factor {
                second_factor::remove(tx, &env, None, user_id)?;
            }
            links.create(tx, &env, user_id, Purpose::Setup, None).map(Ok)
        });
        let id = made.await.map_err(|error| error.to_string())?.map_err(|wrong| format!("user: {wrong}"))?;
        Ok(self.links.url(id).reveal().to_owned())
    }

    async fn create_token(&self, email: String, label: String) -> Result<String, String> {
        let env = self.env.clone();
        let created = self
            .store
            .write(move |tx| match users::id_by_email(tx, &email)? {
                Some(user_id) => access_tokens::create(tx, &env, None, user_id, &label).map(|(_, token)| Some(token)),
                None => Ok(None),
            })
            .await
            .map_err(|error| error.to_string())?;
        match created {
            Some(token) => Ok(token.reveal().to_owned()),
            None => Err("user: there is no user with this e-mail".into()),
        }
    }
}
