//! The operation.

use frontdesk_model::Permission;
use frontdesk_rest::{Call, Operation};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Report, asked, record, rehearse};

/// Parameters of `rehearseTopology`.
#[derive(Deserialize, JsonSchema)]
struct Rehearse {
    /// The document as JSON, as for a new topology.
    json_config: String,
    /// From then on: at most 31 days, and at most 10,000 tasks.
    since: String,
    /// Up to then; now when absent.
    until: Option<String>,
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("rehearseTopology", Method::POST, "/topologies/rehearse", answer)
            .tag("Topologies")
            .summary("Leads recorded traffic by another topology, and compares with what happened. Changes nothing.")
            .notes(
                "Whoever a task rings at is taken to accept after five seconds, and a conversation to take as long as it \
                 took. Agents have the rights, skills and limits that they have now.",
            )
            .permissions(&[Permission::ManageTopologies])
            .extension(),
    ]
}

fn answer(call: &Call, parameters: Rehearse, tx: &mut dyn Tx) -> frontdesk_model::Result<Report> {
    let Rehearse { json_config, since, until } = parameters;
    let (plan, since, until) = asked(tx, &json_config, &since, until.as_deref(), call.env.now())?;
    Ok(rehearse(&plan, &record(tx, since, until)?))
}
