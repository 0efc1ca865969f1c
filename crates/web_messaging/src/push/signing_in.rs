//! Tokens of push services, kept until they end. One node asks once for all that waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_conversations::Conversations;
use frontdesk_model::{Id, Timestamp};
use frontdesk_sources::push::{Access, Outcome, SignIn, Token};

use super::sending::ask;

/// Who was refused is not asked again at once by everything that waits.
const REFUSED_SECONDS: i64 = 30;

/// What is known of one source.
#[derive(Default)]
struct Known {
    /// Of the source when it was asked: another one has other credentials.
    version: i64,
    token: Option<Token>,
    refused: Option<(Timestamp, Outcome)>,
}

/// The tokens of one push service, by source.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<Id, Arc<tokio::sync::Mutex<Known>>>>,
}

impl Tokens {
    /// A token that holds. `worn`: the one that does not, as the service has just said.
    pub(super) async fn get(
        &self,
        desk: &Conversations,
        access: &dyn Access,
        (source_id, version): (Id, i64),
        worn: Option<&Token>,
    ) -> Result<Token, Outcome> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(source_id).or_default().clone();
        let mut known = known.lock().await;
        if known.version != version {
            *known = Known { version, ..Known::default() };
        }
        let now = desk.env.now();
        if let Some((until, outcome)) = known.refused.as_ref().filter(|(until, _)| *until > now) {
            tracing::debug!(%source_id, until = %until.rest(), "signing in was refused a moment ago");
            return Err(outcome.clone());
        }
        let holds = |token: &&Token| token.until > now && worn.is_none_or(|worn| worn.text != token.text);
        if let Some(token) = known.token.as_ref().filter(holds) {
            return Ok(token.clone());
        }
        let asked = match access.sign_in(now) {
            Ok(SignIn::Made(token)) => Ok(token),
            Ok(SignIn::Asked(request)) => match ask(desk, request).await {
                Ok(answer) => access.read_token(answer.status.as_u16(), &answer.body, now),
                Err(outcome) => Err(outcome),
            },
            Err(why) => Err(Outcome::Misconfigured(why)),
        };
        match &asked {
            Ok(token) => (known.token, known.refused) = (Some(token.clone()), None),
            Err(outcome) => {
                known.token = None;
                known.refused = Some((now.plus_seconds(REFUSED_SECONDS), outcome.clone()));
            }
        }
        asked
    }
}
