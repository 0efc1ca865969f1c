//! Asking a receiver whether it wants what it is about to be sent (public documentation: Registering a Webhook, Webhook
//! Validation).

use frontdesk_conversations::Conversations;
use frontdesk_model::{Env, Id, Result, Timestamp, hex};
use frontdesk_store::{Tx, args};
use http::StatusCode;

use super::{Reason, Status, Webhook, by_id, disable};
use crate::request::{challenge_request, shown};

/// Asks; none when all is well, else what is wrong with the answer.
pub(crate) async fn ask(app: &Conversations, webhook: &Webhook) -> Result<Option<Reason>> {
    let challenge = hex::encode(app.env.random::<16>());
    let secrets = webhook.secrets(&app.seal)?;
    let request = challenge_request(webhook, &secrets, &challenge)?;
    Ok(match app.outbound.send(request).await {
        Err(trouble) => {
            let text = format!("The challenge got no answer: {}.", secrets.hide(&trouble.to_string()));
            Some(Reason::outbound(text, &trouble))
        }
        Ok(answer) if answer.status != StatusCode::OK => {
            let status = answer.status.as_u16();
            Some(Reason::status(format!("The challenge was answered with the status {status} and not 200."), status))
        }
        Ok(answer) if answer.body != challenge.as_bytes() => Some(Reason::challenge(format!(
            "The challenge was not answered with exactly the value of hub.challenge, but with: {:?}.",
            shown(&answer, &secrets)
        ))),
        Ok(_) => None,
    })
}

/// Writes down how it went, unless the webhook was changed meanwhile: then it is asked again.
pub(crate) fn conclude(
    tx: &mut dyn Tx,
    env: &Env,
    id: Id,
    asked_of: Timestamp,
    refusal: Option<&Reason>,
) -> Result<bool> {
    let Some(webhook) = by_id(tx, id)? else { return Ok(false) };
    if webhook.status != Status::Verifying || webhook.updated_at != asked_of {
        return Ok(false);
    }
    match refusal {
        Some(reason) => disable(tx, env, &webhook, reason)?,
        None => {
            let sql = "UPDATE webhooks SET status = $2, error = NULL WHERE id = $1";
            tx.execute(sql, args![&id, Status::Enabled.name()])?;
        }
    }
    Ok(true)
}
