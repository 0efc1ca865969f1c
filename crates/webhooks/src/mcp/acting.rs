//! Tools that change something. None of them reaches a customer.

use frontdesk_model::{Caller, Id, Permission, Result, SourceRight, error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::text::{Fence, row};
use super::tools::{Desk, Effect, Told, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "comment",
            "Comment on an intervention",
            "Notes something on an intervention for colleagues. Customers never see it.",
            Effect::Adds,
            reads_somewhere,
            comment,
        ),
        Tool::new(
            "categorise",
            "Categorise",
            "Replaces the categories of a thread or of an intervention: name one of the two, and all categories that it \
             has from now on.",
            Effect::Replaces,
            reads_somewhere,
            categorise,
        ),
        Tool::new(
            "draft_reply",
            "Draft a reply",
            "Suggests an answer to a content. It is NOT sent: it waits in the conversation until a person with the right \
             to approve contents approves it, and they may change it or refuse it. If nobody takes care of the customer \
             yet, this opens an intervention that is yours; give it to agents with hand_over.",
            Effect::Adds,
            replies_somewhere,
            draft_reply,
        ),
        Tool::new(
            "hand_over",
            "Hand over to people",
            "Gives an open intervention to the human agents: it stays open with its history and is nobody's until one \
             of them takes it. The thread's categories can say for whom it is. Note why with comment before. The answer \
             tells how many agents could take it now.",
            Effect::Replaces,
            |caller| {
                let others = [Permission::UpdateIntervention, Permission::AssignIntervention];
                replies_somewhere(caller) || others.iter().any(|permission| caller.may(*permission))
            },
            hand_over,
        ),
    ]
}

fn reads_somewhere(caller: &Caller) -> bool {
    !caller.sources_with(SourceRight::Read).is_empty()
}

fn replies_somewhere(caller: &Caller) -> bool {
    !caller.sources_with(SourceRight::Reply).is_empty()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Comment {
    /// The intervention.
    intervention_id: String,
    /// The note.
    body: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Commented {
    /// The comment.
    id: Id,
    intervention_id: Id,
    thread_id: Id,
}

async fn comment(desk: Desk, asked: Comment) -> Result<Commented> {
    if asked.body.trim().is_empty() {
        return Err(error::invalid("body", "blank", "body must not be empty."));
    }
    let parameters = json!({ "intervention_id": asked.intervention_id, "body": asked.body });
    desk.run("createInterventionComment", &[], parameters).await
}

impl Told for Commented {
    fn tell(&self, _: &Fence) -> String {
        format!("Comment {} is on intervention {}. Colleagues see it, customers do not.", self.id, self.intervention_id)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Categorise {
    /// The thread to sort.
    thread_id: Option<String>,
    /// The intervention to sort, instead of a thread.
    intervention_id: Option<String>,
    /// Ids of all its categories from now on; an empty list removes all.
    category_ids: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Categorised {
    /// The thread or the intervention.
    id: Id,
    /// Its own categories now.
    category_ids: Vec<Id>,
}

#[derive(Deserialize)]
struct Sorted {
    id: Id,
    category_ids: Vec<Id>,
    /// Of a thread, its own without those of its interventions.
    thread_category_ids: Option<Vec<Id>>,
}

async fn categorise(desk: Desk, asked: Categorise) -> Result<Categorised> {
    let ids = asked.category_ids;
    let sorted: Sorted = match (given(asked.thread_id), given(asked.intervention_id)) {
        (Some(id), None) => {
            let parameters = json!({ "thread_category_ids": ids });
            desk.run("categorizeThread", &[("threadId", &id)], parameters).await?
        }
        (None, Some(id)) => {
            let parameters = json!({ "category_ids": ids });
            desk.run("categorizeIntervention", &[("interventionId", &id)], parameters).await?
        }
        _ => return Err(error::bad_request("Name a thread_id or an intervention_id, one of the two.")),
    };
    Ok(Categorised { id: sorted.id, category_ids: sorted.thread_category_ids.unwrap_or(sorted.category_ids) })
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl Told for Categorised {
    fn tell(&self, _: &Fence) -> String {
        format!("The categories of {} are now: {}.", self.id, row(&self.category_ids))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// The content to answer, usually the customer's latest.
    in_reply_to_id: String,
    /// The text that the customer would read.
    body: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Drafted {
    /// The content that waits.
    id: Id,
    thread_id: Id,
    /// The ticket that it belongs to; absent where there is none.
    intervention_id: Option<Id>,
    /// Always true: it has not been sent.
    approval_required: bool,
    /// export_pending: it waits.
    synchronization_status: String,
}

async fn draft_reply(desk: Desk, asked: Draft) -> Result<Drafted> {
    let parameters = json!({ "in_reply_to_id": asked.in_reply_to_id, "body": asked.body });
    desk.run("draftContent", &[], parameters).await
}

impl Told for Drafted {
    fn tell(&self, _: &Fence) -> String {
        let of = self.intervention_id.map(|id| format!(" of intervention {id}")).unwrap_or_default();
        format!("Draft {}{of} waits for a person's approval. Nothing has been sent to the customer.", self.id)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HandOver {
    /// The intervention.
    intervention_id: String,
    /// Ids of all categories of the thread from now on; absent: as they are.
    thread_category_ids: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
struct HandedOver {
    intervention_id: Id,
    thread_id: Id,
    /// The thread's own categories now.
    thread_category_ids: Vec<Id>,
    /// Whose the intervention is now: nobody's, until an agent takes it.
    user_id: Option<Id>,
    /// Agents who could take it at this moment: available where its source's conversations go, and not full.
    agents_available: i64,
}

#[derive(Deserialize)]
struct Intervention {
    id: Id,
    thread_id: Id,
    source_id: Id,
    user_id: Option<Id>,
}

#[derive(Deserialize)]
struct Availability {
    agents: i64,
}

#[derive(Deserialize)]
struct Thread {
    thread_category_ids: Vec<Id>,
}

async fn hand_over(desk: Desk, asked: HandOver) -> Result<HandedOver> {
    let mut parameters = json!({
        "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": asked.intervention_id,
    });
    if let Some(ids) = asked.thread_category_ids {
        parameters["thread_category_ids"] = ids.into();
    }
    let _: Map<String, Value> = desk.run("handoverFromBotToAgent", &[], parameters).await?;
    let path = [("interventionId", asked.intervention_id.as_str())];
    let intervention: Intervention = desk.run("getIntervention", &path, json!({})).await?;
    let thread_id = intervention.thread_id.to_string();
    let thread: Thread = desk.run("getThread", &[("threadId", &thread_id)], json!({})).await?;
    let asked = json!({ "source_id": intervention.source_id });
    let availability: Availability = desk.run("getAvailability", &[], asked).await?;
    Ok(HandedOver {
        intervention_id: intervention.id,
        thread_id: intervention.thread_id,
        thread_category_ids: thread.thread_category_ids,
        user_id: intervention.user_id,
        agents_available: availability.agents,
    })
}

impl Told for HandedOver {
    fn tell(&self, _: &Fence) -> String {
        let whose = match self.user_id {
            None => "is nobody's now and waits for an agent".to_owned(),
            Some(id) => format!("is user {id}'s already"),
        };
        let (id, categories) = (self.intervention_id, row(&self.thread_category_ids));
        let who = match self.agents_available {
            0 => "Nobody who could take it is available at this moment.".to_owned(),
            count => format!("Agents who could take it at this moment: {count}."),
        };
        format!("Intervention {id} is open and {whose}. The thread's categories: {categories}. {who}")
    }
}
