//! Roles: named sets of permissions.

use std::borrow::Cow;
use std::collections::HashMap;

use frontdesk_model::{Caller, Env, Id, Permission, Permissions, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::{access_tokens, checked, events, users};

/// At most this many roles.
const ROLES_MAX: i64 = 1_000;

const COLUMNS: &str = "id, label, permissions, created_at, updated_at";

/// Permissions that the published schema of a role does not show; `extended=true` shows them.
const UNPUBLISHED: &[Permission] = &[
    Permission::ManageAutomaticExportsTasks,
    Permission::ManageSurveys,
    Permission::ReadSurveys,
    Permission::AccessAdvancedAnalytics,
    Permission::ManageAdvancedAnalytics,
];

/// A role as REST shows it: one boolean for each permission.
pub struct Role {
    id: Id,
    label: String,
    permissions: Permissions,
    extended: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("label", &self.label)?;
        for permission in Permission::ALL {
            if self.extended || !UNPUBLISHED.contains(permission) {
                map.serialize_entry(permission.name(), &self.permissions.has(*permission))?;
            }
        }
        map.serialize_entry("created_at", &self.created_at)?;
        map.serialize_entry("updated_at", &self.updated_at)?;
        map.end()
    }
}

impl JsonSchema for Role {
    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Timestamp>();
        let mut properties = serde_json::Map::new();
        properties.insert("id".into(), generator.subschema_for::<Id>().into());
        properties.insert("label".into(), serde_json::json!({ "type": "string" }));
        for permission in Permission::ALL {
            let mut property = serde_json::json!({ "type": "boolean" });
            if UNPUBLISHED.contains(permission) {
                property[frontdesk_rest::OURS] = true.into();
            }
            properties.insert(permission.name().into(), property);
        }
        properties.insert("created_at".into(), time.clone().into());
        properties.insert("updated_at".into(), time.into());
        schemars::json_schema!({ "type": "object", "properties": properties, "required": ["id", "label"] })
    }
}

fn role(row: &Row, extended: bool) -> Result<Role> {
    Ok(Role {
        id: row.get(0)?,
        label: row.get(1)?,
        permissions: Permissions::from_text(&row.get::<String>(2)?),
        extended,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

/// Creates a role for a new installation.
pub fn create(tx: &mut dyn Tx, env: &Env, label: &str, permissions: Permissions) -> Result<Id> {
    let id = env.id();
    insert(tx, id, env.now(), label, permissions)?;
    tx.append(events::caused_by(None, env, "role.created", id));
    Ok(id)
}

fn insert(tx: &mut dyn Tx, id: Id, now: Timestamp, label: &str, permissions: Permissions) -> Result<()> {
    tx.execute(
        &format!("INSERT INTO roles ({COLUMNS}) VALUES ($1, $2, $3, $4, $4)"),
        args![&id, label, &permissions.to_text(), now],
    )?;
    Ok(())
}

/// What a role allows; 404 when there is no such role.
pub(crate) fn permissions(tx: &mut dyn Tx, id: Id) -> Result<Permissions> {
    let row = tx.first("SELECT permissions FROM roles WHERE id = $1", args![&id])?;
    Ok(Permissions::from_text(&row.ok_or_else(|| error::not_found("role"))?.get::<String>(0)?))
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getAllRoles", Method::GET, "/roles", list).tag("Roles").summary("Lists roles, oldest first."),
        Operation::write("createRole", Method::POST, "/roles", create_role)
            .tag("Roles")
            .summary("Creates a role.")
            .notes("Permissions that the caller's role lacks are left out.")
            .permissions(&[Permission::ManageRoles]),
        Operation::write("updateRole", Method::PUT, "/roles/{roleId}", update)
            .tag("Roles")
            .summary("Updates a role that holds nothing that the caller's lacks.")
            .notes("Permissions that the caller's role lacks are left as they are.")
            .permissions(&[Permission::ManageRoles]),
        Operation::read("getRole", Method::GET, "/roles/{roleId}", show)
            .tag("Roles")
            .summary("Reads a role.")
            .permissions(&[Permission::ManageRoles]),
    ]
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Role>> {
    let count = tx.one("SELECT count(*) FROM roles", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM roles ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    Ok(Page::new(count, paging, rows.iter().map(|row| role(row, call.extended)).collect::<Result<_>>()?))
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Role> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM roles WHERE id = $1"), args![&call.id("roleId", "role")?])?;
    role(&row.ok_or_else(|| error::not_found("role"))?, call.extended)
}

/// Parameters of `createRole`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it; no other role may be called the same.
    label: String,
    #[serde(flatten)]
    flags: Flags,
}

/// Parameters of `updateRole`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it; no other role may be called the same.
    label: Option<String>,
    #[serde(flatten)]
    flags: Flags,
}

/// One optional boolean for each permission, under its wire name: all 74, also those that the public description names
/// in one place only.
struct Flags(Vec<(Permission, bool)>);

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Flags, D::Error> {
        let given = HashMap::<String, bool>::deserialize(deserializer)?;
        let flag = |permission: &Permission| Some((*permission, *given.get(permission.name())?));
        Ok(Flags(Permission::ALL.iter().filter_map(flag).collect()))
    }
}

impl JsonSchema for Flags {
    fn schema_name() -> Cow<'static, str> {
        "Flags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let flag = |permission: &Permission| {
            let description = format!("Whether the role holds {}.", permission.name());
            (permission.name().to_owned(), serde_json::json!({ "type": "boolean", "description": description }))
        };
        let properties: serde_json::Map<_, _> = Permission::ALL.iter().map(flag).collect();
        schemars::json_schema!({ "type": "object", "properties": properties })
    }
}

impl Flags {
    /// The permissions with what was given, as far as the caller may decide about it: what they lack is skipped
    /// (updateRole), and who is limited to their teams does not free a role from that.
    fn apply(&self, caller: &Caller, permissions: Permissions) -> Permissions {
        let may_decide = |(permission, held): &&(Permission, bool)| {
            let frees = *permission == Permission::ManageUsersOfMyTeams && !held;
            caller.may(*permission) && !(frees && caller.permissions.are_limited_to_teams())
        };
        self.0.iter().filter(may_decide).fold(permissions, |set, (permission, held)| set.with(*permission, *held))
    }
}

fn create_role(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Role> {
    let (id, now) = (call.env.id(), call.env.now());
    let label = checked_label(tx, id, &parameters.label)?;
    if tx.one("SELECT count(*) FROM roles", args![])?.get::<i64>(0)? >= ROLES_MAX {
        return Err(error::unprocessable("too_many_roles", format!("There are at most {ROLES_MAX} roles.")));
    }
    let permissions = parameters.flags.apply(&call.caller, Permissions::default());
    require_covered(&call.caller, permissions)?;
    insert(tx, id, now, &label, permissions)?;
    tx.append(events::by(call, "role.created", id, json!({})));
    Ok(Role { id, label, permissions, extended: call.extended, created_at: now, updated_at: now })
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Role> {
    let before = show(call, NoParameters {}, tx)?;
    require_covered(&call.caller, before.permissions)?;
    let label = match &parameters.label {
        Some(label) => checked_label(tx, before.id, label)?,
        None => before.label.clone(),
    };
    let permissions = parameters.flags.apply(&call.caller, before.permissions);
    require_covered(&call.caller, permissions)?;
    let differs = |permission: &&Permission| permissions.has(**permission) != before.permissions.has(**permission);
    let mut fields: Vec<_> = Permission::ALL.iter().filter(differs).map(|permission| permission.name()).collect();
    if label != before.label {
        fields.push("label");
    }
    if fields.is_empty() {
        return Ok(before);
    }
    let role = Role { label, permissions, updated_at: call.env.now(), ..before };
    tx.execute(
        "UPDATE roles SET label = $2, permissions = $3, updated_at = $4 WHERE id = $1",
        args![&role.id, &role.label, &role.permissions.to_text(), role.updated_at],
    )?;
    if before.permissions == Permissions::ALL && permissions != Permissions::ALL {
        users::require_an_administrator(tx)?;
    }
    tx.append(events::by(call, "role.updated", role.id, json!({ "changed": fields })));
    if !before.permissions.covers(permissions) {
        access_tokens::disable_outgrown(tx, &call.env, call.caller.user_id, role.id)?;
    }
    Ok(role)
}

/// Nobody makes a role that allows more than theirs, nor touches one that does.
fn require_covered(caller: &Caller, permissions: Permissions) -> Result<()> {
    if caller.permissions.covers(permissions) {
        return Ok(());
    }
    Err(error::forbidden("The role allows more than yours."))
}

/// Neither blank nor another role's, without regard to case.
fn checked_label(tx: &mut dyn Tx, id: Id, label: &str) -> Result<String> {
    let label = checked::name("label", label)?;
    for row in tx.query("SELECT label FROM roles WHERE id <> $1", args![&id])? {
        if row.get::<String>(0)?.to_lowercase() == label.to_lowercase() {
            return Err(error::invalid("label", "taken", "label: another role is called the same."));
        }
    }
    Ok(label)
}
