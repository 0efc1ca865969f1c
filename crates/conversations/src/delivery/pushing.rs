//! One attempt: the calls that it takes, and what the channel answers.

use std::time::{Duration, Instant};

use frontdesk_model::{Error, Result, Timestamp};
use frontdesk_net::OutboundAnswer;
use frontdesk_sources::inbound::InboundContent;
use frontdesk_sources::outbound::{Class, Failure, OutboundContent, Outcome};
use frontdesk_sources::quota::Purpose;
use frontdesk_store::{Tx, args};

use super::Delivery;
use super::claims::{CLAIM_SECONDS, Claim};
use super::outbox::Task;
use super::outcomes::note_part;
use super::preparing::{Outgoing, nowhere, prepare};
use crate::sources::Channel;
use crate::{attachments, calling, quotas};

/// For one attempt, answer included.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(30);
/// For sending it once more in another spelling, within the same attempt.
const RESPELLED_DEADLINE: Duration = Duration::from_secs(15);
/// Of a channel's answer this much is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// What people read when a server was killed at a deed that is tried once.
const UNCERTAIN: &str = "The server was stopped while it asked the channel for this: whether it was done is not known.";

/// How an attempt went.
pub(super) struct Pushed {
    pub(super) outcome: Outcome,
    /// The content as the channel told it in its answer.
    pub(super) content: Option<InboundContent>,
    /// What may be done with it, as the answer to its creation, publication or deletion tells.
    pub(super) actions: Vec<String>,
    /// The customer whose conversation another app has.
    pub(super) elsewhere: Option<String>,
}

impl From<Outcome> for Pushed {
    fn from(outcome: Outcome) -> Pushed {
        Pushed { outcome, content: None, actions: Vec::new(), elsewhere: None }
    }
}

impl Pushed {
    /// What an answer says, and what else it tells beside that.
    fn read(
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        outgoing: &Outgoing,
        answer: &OutboundAnswer,
        now: Timestamp,
    ) -> Pushed {
        let read = calling::answer_of(answer, now);
        let outcome = (delivery.read_answer)(&read);
        let content = match (outgoing, &outcome) {
            (Outgoing::Ask { object, foreign_id, .. }, Outcome::Delivered { .. }) if !answer.truncated => {
                (delivery.read_content)(*object, foreign_id, &answer.body, channel.options())
            }
            _ => None,
        };
        let actions = match (outgoing, &outcome) {
            (Outgoing::Act { foreign_id, .. }, Outcome::Delivered { .. })
            | (Outgoing::Create(_), Outcome::Delivered { foreign_id: Some(foreign_id) })
                if !answer.truncated =>
            {
                (delivery.read_actions)(foreign_id, &answer.body)
            }
            _ => Vec::new(),
        };
        let elsewhere = match (outgoing, &channel.kind.handover) {
            (Outgoing::Create(content), Some(handover)) => {
                content.customer_foreign_id.clone().filter(|_| (handover.is_elsewhere)(&read))
            }
            _ => None,
        };
        Pushed { outcome, content, actions, elsewhere }
    }
}

pub(super) fn failed(message: &str) -> Outcome {
    Outcome::failed(Class::Retry, message)
}

impl Delivery {
    /// One attempt. None when there is nothing left to send.
    pub(super) async fn push(&self, claim: &Claim) -> Result<Option<Pushed>> {
        let fail = |message: &str| Ok(Some(failed(message).into()));
        if claim.task == Task::Custom && claim.started_before {
            return fail(UNCERTAIN);
        }
        let (app, prepared) = (self.app.clone(), claim.clone());
        let Some((channel, mut outgoing)) = self.app.store.read(move |tx| prepare(&app, tx, &prepared)).await? else {
            return Ok(None);
        };
        if !channel.active {
            return fail("The source is inactive: activate it, then send again.");
        }
        let Some(delivery) = &channel.kind.delivery else {
            return Ok(Some(Outcome::Delivered { foreign_id: None }.into()));
        };
        if let Outgoing::Create(content) = &mut outgoing
            && let Some(outcome) = self.push_all_but_last(claim, &channel, delivery, content).await?
        {
            return Ok(Some(outcome.into()));
        }
        let request = match outgoing.request(&channel, delivery, self.app.env.now()) {
            Ok(request) => request,
            Err(outcome) => return Ok(Some(outcome.into())),
        };
        if let Some(failure) = quotas::pay(&self.app, &channel, Purpose::Answers).await? {
            return Ok(Some(Outcome::Failed(failure).into()));
        }
        let needs_no_other_spelling = request.body.is_ascii();
        let sent = self.app.call(&channel, request, ATTEMPT_DEADLINE, ANSWER_BYTES_MAX).await?;
        let refused = sent.as_ref().is_ok_and(|answer| answer.status == http::StatusCode::UNPROCESSABLE_ENTITY);
        let sent = match delivery.respelled.filter(|_| refused && !needs_no_other_spelling) {
            // Some channels verify signatures over another spelling of the same JSON.
            Some(respelled) => {
                outgoing.is_repeat();
                let mut request = match outgoing.request(&channel, delivery, self.app.env.now()) {
                    Ok(request) => request,
                    Err(outcome) => return Ok(Some(outcome.into())),
                };
                request.body = respelled(&request.body);
                self.app.call(&channel, request, RESPELLED_DEADLINE, ANSWER_BYTES_MAX).await?
            }
            None => sent,
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => return Ok(Some(Outcome::Failed(failure).into())),
        };
        Ok(Some(Pushed::read(&channel, delivery, &outgoing, &answer, self.app.env.now())))
    }

    /// Sends all parts of a content but its last, from the first that is not there yet on; what was sent is written down
    /// part by part, so that it is not sent again. Ends with what became of the whole, if that is known then.
    async fn push_all_but_last(
        &self,
        claim: &Claim,
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        content: &mut OutboundContent,
    ) -> Result<Option<Outcome>> {
        let (began, env) = (Instant::now(), &self.app.env);
        if let Some(failure) = (delivery.refuse)(&channel.settings, content, env.now()) {
            return Ok(Some(Outcome::Failed(failure)));
        }
        let parts = (delivery.parts)(content);
        if content.part >= parts {
            return Ok(Some(Outcome::Delivered { foreign_id: None }));
        }
        if let Some(failure) = self.upload(claim, channel, delivery, content).await? {
            return Ok(Some(Outcome::Failed(failure)));
        }
        while content.part + 1 < parts {
            if content.part > 0 {
                self.hold(claim).await?;
            }
            let Some(request) = (delivery.request)(&channel.settings, content, env.now()) else {
                return Ok(Some(Outcome::failed(Class::Invalid, nowhere(channel))));
            };
            let left = ATTEMPT_DEADLINE.saturating_sub(began.elapsed());
            let answer = match self.app.call(channel, request, left, ANSWER_BYTES_MAX).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Some(Outcome::Failed(failure))),
            };
            let foreign_id = match (delivery.read_answer)(&calling::answer_of(&answer, env.now())) {
                Outcome::Delivered { foreign_id } => foreign_id,
                failed => return Ok(Some(failed)),
            };
            let (source_id, content_id, part) = (channel.source_id, claim.content_id, content.part);
            let noting = move |tx: &mut dyn Tx| note_part(tx, source_id, content_id, part, foreign_id.as_deref());
            self.app.store.write(noting).await?;
            content.part += 1;
        }
        if parts > 1 {
            self.hold(claim).await?;
        }
        Ok(None)
    }

    /// Gives the channel the files of a content that are not there yet, where it wants them first. Why it does not have
    /// them, if it does not.
    async fn upload(
        &self,
        claim: &Claim,
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        content: &mut OutboundContent,
    ) -> Result<Option<Failure>> {
        let Some(uploading) = &delivery.uploading else { return Ok(None) };
        // What belongs to parts that were sent need not be given again.
        for place in content.part..content.attachments.len() {
            self.hold(claim).await?;
            let bytes = attachments::bytes_of(&self.app, claim.content_id, place).await?;
            let request = (uploading.request)(content, &content.attachments[place], &bytes);
            let answer = match self.app.call(channel, request, ATTEMPT_DEADLINE, ANSWER_BYTES_MAX).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Some(failure)),
            };
            match (uploading.read)(&calling::answer_of(&answer, self.app.env.now())) {
                Ok(foreign_id) => content.attachments[place].foreign_id = Some(foreign_id),
                Err(failure) => return Ok(Some(failure)),
            }
        }
        if content.part < content.attachments.len() {
            self.hold(claim).await?;
        }
        Ok(None)
    }

    /// Holds a claim for another while, so that nobody else begins what has several calls and takes long.
    pub(super) async fn hold(&self, claim: &Claim) -> Result<()> {
        let (held, until) = (claim.clone(), self.app.env.now().plus_seconds(CLAIM_SECONDS));
        let holding = self.app.store.write(move |tx| {
            tx.execute(
                "UPDATE deliveries SET claimed_until = $4 WHERE content_id = $1 AND seq = $2 AND claim = $3",
                args![&held.content_id, held.seq, held.number, until],
            )
        });
        match holding.await? {
            1 => Ok(()),
            _ => Err(Error::Unavailable("somebody else has taken over this delivery".into())),
        }
    }
}
