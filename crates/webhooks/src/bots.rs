//! What bots do beside what everybody does. A bot is a user like any other, with a role and a token:
//! the virtual agent of these operations is the caller.

use frontdesk_conversations::interventions::{self, Intervention};
use frontdesk_conversations::{categories, handover, identities, sources, threads};
use frontdesk_model::error::{AttributeError, Error};
use frontdesk_model::{Id, Result, error};
use frontdesk_rest::{Call, Operation, given};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `botEngage`.
#[derive(Deserialize, JsonSchema)]
struct Engage {
    /// The customer's content to engage.
    content_id: String,
}

/// Parameters of `botComplete`.
#[derive(Deserialize, JsonSchema)]
struct Complete {
    /// The intervention that is resolved.
    intervention_id: String,
    /// Whether to close the thread too, where its kind of source closes threads; needs close_content_thread.
    close_thread: Option<bool>,
    /// Categories to add to those of the thread.
    thread_category_ids: Option<Vec<Id>>,
}

/// Parameters of `handoverFromBotToAgent`.
#[derive(Deserialize, JsonSchema)]
struct Handover {
    /// Who has it.
    from: Party,
    /// Who gets it: the other one.
    to: Party,
    /// How: engage_virtual_agent by its intervention, messenger by the customer of a Messenger source.
    r#type: Kind,
    /// The customer by their channel's id: of messenger only. Beside an intervention it may be told too, and must be its
    /// customer's.
    identity_foreign_id: Option<String>,
    /// The app that gets the conversation: of messenger to a bot only.
    app_id: Option<String>,
    /// The intervention to hand over, of engage_virtual_agent.
    intervention_id: Option<String>,
    /// The thread's categories from now on; as they are when absent.
    thread_category_ids: Option<Vec<Id>>,
    /// A rule of a virtual agent. There are no such rules here: refused, so that nothing goes where nobody expects it.
    trigger: Option<String>,
}

#[derive(Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Party {
    Bot,
    Agent,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    EngageVirtualAgent,
    Messenger,
}

/// It was done.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BotResponse")]
struct Done {
    /// 200, as a number.
    status: u16,
    message: &'static str,
}

const DONE: Done = Done { status: 200, message: "Success" };

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Bots";
    vec![
        Operation::write("botEngage", Method::POST, "/bots/engage", |call, parameters: Engage, tx| {
            let opened = interventions::open(call, &parameters.content_id, tx)?;
            interventions::answer(tx, opened)
        })
        .tag(tag)
        .summary("Engages a customer's content for the bot whose token it is.")
        .notes(
            "Opens an intervention, re-opens the customer's closed one, or takes the open one that was handed over. 422 \
             when it is somebody's already.",
        )
        .replay(sources::still_readable),
        Operation::write("botComplete", Method::POST, "/bots/complete", complete)
            .tag(tag)
            .summary("Closes an intervention that the bot has resolved, and its thread if asked.")
            .notes(
                "As for closeIntervention, it must be open, have a reply and none that waits: else 422. Of others' \
                 interventions only with update_intervention.",
            ),
        Operation::write("handoverFromBotToAgent", Method::POST, "/bots/handover", hand_over)
            .tag(tag)
            .summary("Hands a conversation from a bot to agents, or from an agent to the bot whose token it is.")
            .notes(
                "To agents: the intervention stays open with its history and is nobody's, and at least the customer's \
                 latest content is new again; who engages it or answers takes it. To the bot: the intervention becomes \
                 its own. Of others' interventions only with update_intervention or assign_intervention. Repeating it \
                 changes nothing. Of type messenger, Facebook is asked for the conversation, or told to give it to the \
                 bot's app; the answer does not wait for that. To a bot only while no intervention with the customer is \
                 open.",
            ),
    ]
}

fn complete(call: &Call, parameters: Complete, tx: &mut dyn Tx) -> Result<Done> {
    let intervention = intervention(call, &parameters.intervention_id, tx)?;
    let thread_id = intervention.thread_id;
    interventions::require_closable(tx, &intervention).map_err(state_of("intervention_id"))?;
    if let Some(added) = parameters.thread_category_ids {
        let mut wanted = categories::of(tx, thread_id)?;
        wanted.extend(added);
        threads::categorise(call, thread_id, &wanted, tx)?;
    }
    interventions::close(call, intervention.id, None, tx)?;
    if parameters.close_thread == Some(true) {
        if !threads::find(tx, &call.caller, thread_id)?.can_be_closed()? {
            let message = "close_thread: threads of this kind of source cannot be closed; leave it out.";
            return Err(error::invalid("close_thread", "not_supported", message));
        }
        threads::close(call, thread_id, tx)?;
    }
    Ok(DONE)
}

fn hand_over(call: &Call, parameters: Handover, tx: &mut dyn Tx) -> Result<Done> {
    let intervention_id = check(&parameters)?;
    if parameters.r#type == Kind::Messenger {
        let customer = parameters.identity_foreign_id.unwrap_or_default();
        match parameters.to {
            Party::Agent => handover::to_agent(call, &customer, tx)?,
            Party::Bot => handover::to_bot(call, &customer, &parameters.app_id.unwrap_or_default(), tx)?,
        }
        return Ok(DONE);
    }
    let intervention = intervention(call, intervention_id, tx)?;
    if let Some(foreign_id) = given::text(parameters.identity_foreign_id)
        && !identities::is_known_as(tx, intervention.identity_id, &foreign_id)?
    {
        let message = "identity_foreign_id: this is not the intervention's customer; leave it out.";
        return Err(error::invalid("identity_foreign_id", "invalid", message));
    }
    if intervention.closed_at.is_some() {
        let message = "intervention_id: it is closed. Engage its customer to open it again.";
        return Err(error::invalid("intervention_id", "closed", message));
    }
    if let Some(wanted) = parameters.thread_category_ids {
        threads::categorise(call, intervention.thread_id, &wanted, tx)?;
    }
    match parameters.to {
        Party::Agent => interventions::hand_to_agents(call, intervention.id, tx)?,
        Party::Bot => interventions::hand_to_caller(call, intervention.id, tx)?,
    };
    Ok(DONE)
}

/// What is wrong with a handover by itself, all at once; otherwise the intervention that it names, where it names one.
fn check(parameters: &Handover) -> Result<&str> {
    let mut faults = Vec::new();
    let mut fault = |attribute: &str, kind: &str, reason: &str| {
        let message = format!("{attribute}{reason}");
        faults.push(AttributeError { attribute: attribute.into(), kind: kind.into(), message });
    };
    let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if parameters.from == parameters.to {
        fault("to", "invalid", ": must be the other one of bot and agent.");
    }
    if is_given(&parameters.trigger) {
        let reason = ": there are no handover rules here; say where it goes with thread_category_ids.";
        fault("trigger", "not_supported", reason);
    }
    match parameters.r#type {
        Kind::EngageVirtualAgent => {
            if !is_given(&parameters.intervention_id) {
                fault("intervention_id", "blank", " must not be empty when type is engage_virtual_agent.");
            }
            if is_given(&parameters.app_id) {
                fault("app_id", "not_supported", ": of type messenger only; leave it out.");
            }
        }
        Kind::Messenger => {
            if !is_given(&parameters.identity_foreign_id) {
                fault("identity_foreign_id", "blank", " must not be empty when type is messenger.");
            }
            if parameters.to == Party::Bot && !is_given(&parameters.app_id) {
                fault("app_id", "blank", " must not be empty when type is messenger and to is bot.");
            }
            if is_given(&parameters.intervention_id) {
                fault("intervention_id", "not_supported", ": of type engage_virtual_agent only; leave it out.");
            }
            if parameters.thread_category_ids.is_some() {
                fault("thread_category_ids", "not_supported", ": of type engage_virtual_agent only; leave it out.");
            }
        }
    }
    match faults.is_empty() {
        true => Ok(parameters.intervention_id.as_deref().unwrap_or_default()),
        false => Err(error::invalid_all(faults)),
    }
}

/// The intervention that a parameter names: 422 when there is none.
fn intervention(call: &Call, id: &str, tx: &mut dyn Tx) -> Result<Intervention> {
    let unknown = || {
        let message = "intervention_id: there is no such intervention, or you may not read it.";
        error::invalid("intervention_id", "unknown", message)
    };
    let id = id.parse().map_err(|_| unknown())?;
    interventions::find(tx, &call.caller, id).map_err(|trouble| trouble.or_missing(unknown))
}

/// A state that forbids it is told as 422 here, as documented, and names the parameter.
fn state_of(attribute: &'static str) -> impl Fn(Error) -> Error {
    move |trouble| match trouble {
        Error::Refused(refusal) if refusal.status == 403 => {
            error::invalid(attribute, "invalid", format!("{attribute}: {}", refusal.message))
        }
        other => other,
    }
}
