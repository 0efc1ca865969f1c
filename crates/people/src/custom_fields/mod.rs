//! Custom fields: what an installation wants to know about customers and interventions beyond what there is.
//! Their values live with the objects, by the field's id: a deleted field's values are shown no more and go with the
//! object's next change, and a new field under the same key begins empty.

mod rest;
mod values;

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args};

pub(crate) use rest::operations;
pub use values::{Change, change, fill, merged, shown, without};

/// At most this many fields on one kind of object: every read of a customer looks at all of them.
const FIELDS_MAX: usize = 200;

/// What custom fields belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A customer.
    IdentityGroup,
    /// A ticket.
    Intervention,
}

impl Owner {
    /// The wire's name, also the store's.
    fn as_str(self) -> &'static str {
        match self {
            Owner::IdentityGroup => "IdentityGroup",
            Owner::Intervention => "Intervention",
        }
    }
}

/// What a field's values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Type {
    /// One line.
    #[default]
    String,
    Boolean,
    /// Several lines.
    Text,
    Integer,
    Float,
    SingleChoice,
    MultipleChoice,
}

impl Type {
    const ALL: [Type; 7] =
        [Type::String, Type::Boolean, Type::Text, Type::Integer, Type::Float, Type::SingleChoice, Type::MultipleChoice];

    fn as_str(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Boolean => "boolean",
            Type::Text => "text",
            Type::Integer => "integer",
            Type::Float => "float",
            Type::SingleChoice => "single_choice",
            Type::MultipleChoice => "multiple_choice",
        }
    }

    fn has_choices(self) -> bool {
        matches!(self, Type::SingleChoice | Type::MultipleChoice)
    }

    fn is_text(self) -> bool {
        matches!(self, Type::String | Type::Text)
    }
}

/// A custom field as the store keeps it.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    id: Id,
    object: String,
    /// What programs call it.
    pub key: String,
    label: String,
    kind: Type,
    choices: Vec<String>,
    multiple: bool,
    read_only: bool,
    regex: Option<String>,
    position: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Field {
    /// Whether a value is a list.
    fn is_list(&self) -> bool {
        self.kind == Type::MultipleChoice || self.multiple
    }
}

const COLUMNS: &str =
    "id, object, key, label, type, choices, multiple, read_only, regex, position, created_at, updated_at";

fn field(row: &Row) -> Result<Field> {
    let (kind, choices): (String, String) = (row.get(4)?, row.get(5)?);
    let known = Type::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(Field {
        id: row.get(0)?,
        object: row.get(1)?,
        key: row.get(2)?,
        label: row.get(3)?,
        kind: known.ok_or_else(|| error::broken(format!("a custom field has the unknown type {kind}")))?,
        choices: serde_json::from_str(&choices)
            .map_err(|trouble| error::broken(format!("custom_fields.choices: {trouble}")))?,
        multiple: row.get(6)?,
        read_only: row.get(7)?,
        regex: row.get(8)?,
        position: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    })
}

/// The fields of a kind of object, by position.
pub fn of(tx: &mut dyn Tx, owner: Owner) -> Result<Vec<Field>> {
    let sql = format!("SELECT {COLUMNS} FROM custom_fields WHERE object = $1 ORDER BY position, id");
    tx.query(&sql, args![owner.as_str()])?.iter().map(field).collect()
}
