//! Topologies: how a task finds its agent, step by step.
//!
//! A topology is a document (`config.rs`), checked in itself and against the account (`check.rs`) whenever it is saved and
//! again when it is activated. At most one is active; while none is, [`Plan::built_in`] leads.

mod check;
pub mod config;

use frontdesk_model::error::AttributeError;
use frontdesk_model::{Error, Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::engine::plan::Plan;
use crate::events;
use config::Fault;

/// Nobody keeps more to choose from.
const TOPOLOGIES_MAX: i64 = 500;
/// A document of a hundred steps with all their ids fits.
const CONFIG_BYTES_MAX: usize = 256 * 1024;

/// A topology as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Topology")]
struct Answer {
    id: Id,
    name: String,
    /// The document, as it was given.
    config: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// With `extended=true`: `active`, whether it leads the tasks; `version`, which grows with every change of the
    /// document; and of one topology `faults`: all in it that does not fit the account any more, with place and reason.
    #[serde(flatten)]
    own: Map<String, Value>,
}

/// A row of the table.
#[derive(Clone, Debug)]
struct Topology {
    id: Id,
    name: String,
    config: String,
    version: i64,
    active: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, config, version, active, created_at, updated_at";

fn topology(row: &Row) -> Result<Topology> {
    Ok(Topology {
        id: row.get(0)?,
        name: row.get(1)?,
        config: row.get(2)?,
        version: row.get(3)?,
        active: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

fn stored(config: &str) -> Result<Value> {
    serde_json::from_str(config).map_err(|trouble| error::broken(format!("topologies.config: {trouble}")))
}

fn answer(call: &Call, topology: Topology) -> Result<Answer> {
    let Value::Object(config) = stored(&topology.config)? else {
        return Err(error::broken("topologies.config holds no object"));
    };
    let mut own = Map::new();
    if call.extended {
        own.insert("active".into(), topology.active.into());
        own.insert("version".into(), topology.version.into());
    }
    Ok(Answer {
        id: topology.id,
        name: topology.name,
        config,
        created_at: topology.created_at,
        updated_at: topology.updated_at,
        own,
    })
}

/// The plan of the active topology; none: [`Plan::built_in`] leads.
pub fn active(tx: &mut dyn Tx) -> Result<Option<Plan>> {
    let Some(row) = tx.first("SELECT config FROM topologies WHERE active", args![])? else { return Ok(None) };
    let plan = config::parse(&stored(&row.get::<String>(0)?)?);
    // It was read when it was saved: only another version of the program can have another mind.
    plan.map(Some).map_err(|faults| error::broken(format!("topologies.config: {}", told(&faults))))
}

/// Parameters of `createTopology` and `updateTopology`.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// What people call it; unique without regard to case. Needed when it is created.
    #[schemars(length(max = checked::NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// The document as JSON, at most 256 KiB: docs/integrator/routing.md describes it. Needed when it is created.
    json_config: Option<String>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Topologies", "/topologies/{topologyId}");
    let permissions = &[Permission::ManageTopologies];
    vec![
        Operation::read("getAllTopologies", Method::GET, "/topologies", list)
            .tag(tag)
            .summary("Lists topologies by name.")
            .permissions(permissions),
        Operation::read("getTopology", Method::GET, path, |call, _: NoParameters, tx| show(call, tx))
            .tag(tag)
            .summary("Reads a topology.")
            .notes(
                "With `extended=true` it tells in `faults` what of it has gone since it was saved, such as a deleted team: \
                 nobody fits that any more, and tasks pass over what nobody fits.",
            )
            .permissions(permissions),
        Operation::write("createTopology", Method::POST, "/topologies", create)
            .tag(tag)
            .summary("Creates a topology; it leads nothing before it is activated.")
            .notes("A document that is wrong is a 422 that names every fault with its place and reason, at most twenty.")
            .permissions(permissions),
        Operation::write("updateTopology", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes a topology that is not active.")
            .notes("403 while it is active: change a copy and activate that.")
            .permissions(permissions),
        Operation::write("activateTopology", Method::PUT, "/topologies/{topologyId}/activate", activate)
            .tag(tag)
            .summary("Makes a topology lead the tasks, in place of the one that did.")
            .notes(
                "It is checked again, as what it names may have gone meanwhile. Tasks stay at the step of the same name; \
                 those of a step that there is no more begin anew.",
            )
            .permissions(permissions),
        Operation::write("deleteTopology", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a topology; of the active one, the built-in one takes the place.")
            .permissions(permissions),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx) -> Result<Topology> {
    by_id(tx, call.id("topologyId", "topology")?)
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    let found = find(call, tx)?;
    let faults = match call.extended {
        true => match config::parse(&stored(&found.config)?) {
            Ok(plan) => check::check(&plan, &check::Account::load(tx)?),
            Err(faults) => faults,
        },
        false => Vec::new(),
    };
    let mut shown = answer(call, found)?;
    if call.extended {
        let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
        shown.own.insert("faults".into(), told.into());
    }
    Ok(shown)
}

fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Topology> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM topologies WHERE id = $1"), args![&id])?;
    topology(&row.ok_or_else(|| error::not_found("topology"))?)
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let filter = Filter::default();
    let count = filter.count(tx, "topologies", paging.offset, paging.limit)?;
    let sql = format!("SELECT {COLUMNS} FROM topologies");
    let rows = filter.page(tx, &sql, "name_key", paging.offset, paging.limit)?;
    let records = rows.iter().map(|row| answer(call, topology(row)?)).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, records))
}

fn create(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Answer> {
    let (id, now) = (call.env.id(), call.env.now());
    let name = free_name(tx, id, &parameters.name.unwrap_or_default())?;
    let config = readable(tx, &parameters.json_config.unwrap_or_default())?;
    if tx.one("SELECT count(*) FROM topologies", args![])?.get::<i64>(0)? >= TOPOLOGIES_MAX {
        let message = format!("There are {TOPOLOGIES_MAX} topologies, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_topologies", message));
    }
    tx.execute(
        &format!("INSERT INTO topologies ({COLUMNS}, name_key) VALUES ($1, $2, $3, 1, FALSE, $4, $4, $5)"),
        args![&id, &name, &config, now, name.to_lowercase().as_bytes()],
    )?;
    tx.append(events::by(call, "topology.created", id, json!({})));
    answer(call, by_id(tx, id)?)
}

fn update(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Answer> {
    let before = find(call, tx)?;
    if before.active {
        return Err(error::forbidden("The topology is active: change a copy of it, and activate that."));
    }
    let name = match parameters.name {
        Some(name) => free_name(tx, before.id, &name)?,
        None => before.name.clone(),
    };
    let config = match parameters.json_config {
        Some(text) => readable(tx, &text)?,
        None => before.config.clone(),
    };
    let fields = [("name", name != before.name), ("config", config != before.config)];
    let fields: Vec<&str> = fields.iter().filter_map(|(field, is_changed)| is_changed.then_some(*field)).collect();
    if fields.is_empty() {
        return answer(call, before);
    }
    tx.execute(
        "UPDATE topologies SET name = $2, name_key = $3, config = $4, version = $5, updated_at = $6 WHERE id = $1",
        args![
            &before.id,
            &name,
            name.to_lowercase().as_bytes(),
            &config,
            before.version + i64::from(config != before.config),
            call.env.now()
        ],
    )?;
    tx.append(events::by(call, "topology.updated", before.id, json!({ "changed": fields })));
    answer(call, by_id(tx, before.id)?)
}

fn activate(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let chosen = find(call, tx)?;
    if chosen.active {
        return answer(call, chosen);
    }
    readable(tx, &chosen.config)?;
    tx.execute("UPDATE topologies SET active = FALSE WHERE active", args![])?;
    tx.execute("UPDATE topologies SET active = TRUE WHERE id = $1", args![&chosen.id])?;
    tx.append(events::by(call, "topology.activated", chosen.id, json!({ "version": chosen.version })));
    answer(call, by_id(tx, chosen.id)?)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let gone = find(call, tx)?;
    tx.execute("DELETE FROM topologies WHERE id = $1", args![&gone.id])?;
    tx.append(events::by(call, "topology.destroyed", gone.id, json!({ "active": gone.active })));
    answer(call, gone)
}

/// The plan of a document, if it can lead tasks; 422 with every fault otherwise.
pub(crate) fn plan_of(tx: &mut dyn Tx, text: &str) -> Result<Plan> {
    checked_document(tx, text).map(|(_, plan)| plan)
}

/// The document as it is kept, under the same condition.
fn readable(tx: &mut dyn Tx, text: &str) -> Result<String> {
    checked_document(tx, text).map(|(document, _)| document.to_string())
}

fn checked_document(tx: &mut dyn Tx, text: &str) -> Result<(Value, Plan)> {
    if text.trim().is_empty() {
        return Err(error::invalid("json_config", "blank", "json_config can't be blank."));
    }
    if text.len() > CONFIG_BYTES_MAX {
        let message = format!("json_config has at most {CONFIG_BYTES_MAX} bytes.");
        return Err(error::invalid("json_config", "too_long", message));
    }
    let document: Value = serde_json::from_str(text)
        .map_err(|trouble| error::invalid("json_config", "invalid", format!("json_config is no JSON: {trouble}.")))?;
    let plan = config::parse(&document).map_err(refused)?;
    let faults = check::check(&plan, &check::Account::load(tx)?);
    if faults.is_empty() { Ok((document, plan)) } else { Err(refused(faults)) }
}

fn refused(faults: Vec<Fault>) -> Error {
    let wrong = |fault: Fault| AttributeError {
        attribute: "json_config".into(),
        kind: fault.kind.into(),
        message: format!("json_config: {fault}"),
    };
    error::invalid_all(faults.into_iter().map(wrong).collect())
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join(" ")
}

fn free_name(tx: &mut dyn Tx, id: Id, name: &str) -> Result<String> {
    let name = checked::name("name", name)?;
    let sql = "SELECT 1 FROM topologies WHERE name_key = $1 AND id <> $2";
    if tx.first(sql, args![name.to_lowercase().as_bytes(), &id])?.is_some() {
        return Err(error::invalid("name", "taken", "name: there is a topology with this name already."));
    }
    Ok(name)
}
