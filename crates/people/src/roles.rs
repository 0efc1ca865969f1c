//! Roles: named sets of permissions.

use std::borrow::Cow;

use frontdesk_model::{Env, Id, Permission, Permissions, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::events;

/// Permissions that the published schema of a role does not show (reading D18); `extended=true` shows them.
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

/// Creates a role.
pub fn create(tx: &mut dyn Tx, env: &Env, label: &str, permissions: Permissions) -> Result<Id> {
    let (id, now) = (env.id(), env.now());
    tx.execute(
        "INSERT INTO roles (id, label, permissions, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        args![&id, label, &permissions.to_text(), now],
    )?;
    tx.append(events::caused_by(None, env, "role.created", id));
    Ok(id)
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getAllRoles", Method::GET, "/roles", list).tag("Roles").summary("Lists roles, oldest first."),
        Operation::read("getRole", Method::GET, "/roles/{roleId}", show)
            .tag("Roles")
            .summary("Reads a role.")
            .permissions(&[Permission::ManageRoles]),
    ]
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Role>> {
    let count = tx.one("SELECT count(*) FROM roles", args![])?.get(0)?;
    let rows = tx.query(
        "SELECT id, label, permissions, created_at, updated_at FROM roles ORDER BY created_at, id LIMIT $1 OFFSET $2",
        args![paging.limit, paging.offset],
    )?;
    Ok(Page::new(count, paging, rows.iter().map(|row| role(row, call.extended)).collect::<Result<_>>()?))
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Role> {
    let id = call.id("roleId", "role")?;
    let sql = "SELECT id, label, permissions, created_at, updated_at FROM roles WHERE id = $1";
    let row = tx.first(sql, args![&id])?.ok_or_else(|| error::not_found("role"))?;
    role(&row, call.extended)
}
