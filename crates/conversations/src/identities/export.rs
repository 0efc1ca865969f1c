//! Exporting identities: as CSV for spreadsheets, or as JSON lines, a bounded piece with each answer.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, Operation, given};
use frontdesk_store::{Piece, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rest::{Identity, Search, matching, read};
use crate::events;
use crate::identity_groups::{self, Answer as Group};

/// Identities in one answer: others wait for the writer meanwhile.
const IDENTITIES_MAX: usize = 1_000;
/// One answer ends with the identity that reaches this size.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The columns, named as the platform's export of identities names them, and what the identity and its
/// group know beyond those.
const COLUMNS: [&str; 28] = [
    "created_at",
    "updated_at",
    "community_type",
    "community",
    "id",
    "uuid",
    "foreign_id",
    "screenname",
    "firstname",
    "lastname",
    "gender",
    "company",
    "email",
    "home_phone",
    "mobile_phone",
    "identity_group_id",
    "extra_values",
    "group_firstname",
    "group_lastname",
    "group_gender",
    "group_company",
    "group_emails",
    "group_home_phones",
    "group_mobile_phones",
    "group_notes",
    "group_tags",
    "group_custom_field_values",
    "group_updated_at",
];

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Csv,
    JsonLines,
}

/// Parameters of `exportIdentities`.
#[derive(Deserialize, JsonSchema)]
struct Export {
    /// csv when absent: a heading, then a line for each identity; a cell that a spreadsheet would take for a formula has
    /// an apostrophe before it. json_lines: each line an identity as getIdentity shows it, with its group, if it has one, as
    /// identity_group.
    format: Option<Format>,
    /// Only what comes after this identity: `next` of the answer before.
    after: Option<String>,
    #[serde(flatten)]
    search: Search,
}

/// A piece of an export.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IdentityExport")]
struct Answer {
    format: Format,
    /// How many identities are in the text.
    count: usize,
    /// What to ask for next, as `after`; null when that was all.
    next: Option<Id>,
    /// The lines. CSV has its heading in the first piece only.
    text: String,
}

pub(super) fn operation() -> Operation {
    Operation::write("exportIdentities", Method::POST, "/identities/export", export)
        .tag("Identities")
        .summary("Exports identities as text, newest first.")
        .notes(
            "Finds what getAllIdentities finds, and takes the identities of a list too. An answer holds at most 1,000; \
             ask again with after for the rest. Every piece is told in the journal.",
        )
        .permissions(&[Permission::ExportIdentity])
        .unkept()
        .extension()
}

fn export(call: &Call, parameters: Export, tx: &mut dyn Tx) -> Result<Answer> {
    let format = parameters.format.unwrap_or(Format::Csv);
    let after = given::id(parameters.after.as_deref())
        .map_err(|_| error::invalid("after", "invalid", "after: must be next of the answer before."))?;
    let mut text = match (format, after) {
        (Format::Csv, None) => line(COLUMNS.map(Into::into)),
        _ => String::new(),
    };
    let (mut count, mut next) = (0, None);
    if let Some(mut filter) = matching(call, &parameters.search, tx)? {
        if let Some(after) = after {
            filter.and_piece(Piece::new("id < ?", vec![after.into()]));
        }
        let found = read(call, &mut filter, "id DESC", 0, IDENTITIES_MAX as i64 + 1, tx)?;
        let names = communities(tx)?;
        let group_ids = found.iter().filter_map(|identity| identity.identity_group_id).collect();
        let groups = identity_groups::shown(call, group_ids, tx)?;
        let tags = tags(tx)?;
        for (index, identity) in found.iter().take(IDENTITIES_MAX).enumerate() {
            let group = identity.identity_group_id.and_then(|id| groups.get(&id));
            match format {
                Format::Csv => text += &line(cells(identity, &names, group, &tags)),
                Format::JsonLines => {
                    let known = Known { identity, identity_group: group };
                    text += &serde_json::to_string(&known).map_err(|trouble| error::broken(trouble.to_string()))?;
                    text.push('\n');
                }
            }
            count = index + 1;
            if text.len() >= TEXT_BYTES_MAX {
                break;
            }
        }
        if count < found.len() {
            next = count.checked_sub(1).map(|last| found[last].id);
        }
    }
    let told = json!({ "format": format, "count": count });
    tx.append(events::by(call, "identity.export_created", call.env.id(), None, told));
    Ok(Answer { format, count, next, text })
}

/// A line of JSON: what an identity knows, and what people know of the person.
#[derive(Serialize)]
struct Known<'a> {
    #[serde(flatten)]
    identity: &'a Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_group: Option<&'a Group>,
}

fn tags(tx: &mut dyn Tx) -> Result<HashMap<Id, String>> {
    tx.query("SELECT id, name FROM tags", args![])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn communities(tx: &mut dyn Tx) -> Result<HashMap<Id, String>> {
    tx.query("SELECT id, name FROM communities", args![])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn cells(
    identity: &Identity,
    communities: &HashMap<Id, String>,
    group: Option<&Group>,
    tags: &HashMap<Id, String>,
) -> [String; 28] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let at = |at: Timestamp| json!(at).as_str().unwrap_or_default().to_owned();
    let of_group = |value: &dyn Fn(&Group) -> String| group.map(value).unwrap_or_default();
    let list = |value: &dyn Fn(&Group) -> &Vec<String>| of_group(&|group| value(group).join(", "));
    let named = |group: &Group| {
        let names: Vec<&str> = group.tag_ids.iter().filter_map(|id| tags.get(id)).map(String::as_str).collect();
        names.join(", ")
    };
    [
        at(identity.created_at),
        at(identity.updated_at),
        identity.r#type.clone(),
        communities.get(&identity.community_id).cloned().unwrap_or_default(),
        identity.id.hex(),
        text(&identity.uuid),
        identity.foreign_id.clone(),
        text(&identity.screenname),
        text(&identity.firstname),
        text(&identity.lastname),
        text(&identity.gender),
        text(&identity.company),
        text(&identity.email),
        text(&identity.home_phone),
        text(&identity.mobile_phone),
        identity.identity_group_id.map(|id| id.hex()).unwrap_or_default(),
        Value::Object(identity.extra_values.clone()).to_string(),
        of_group(&|group| text(&group.firstname)),
        of_group(&|group| text(&group.lastname)),
        of_group(&|group| text(&group.gender)),
        of_group(&|group| text(&group.company)),
        list(&|group| &group.emails),
        list(&|group| &group.home_phones),
        list(&|group| &group.mobile_phones),
        of_group(&|group| text(&group.notes)),
        of_group(&named),
        of_group(&|group| Value::Object(group.custom_field_values.clone()).to_string()),
        of_group(&|group| at(group.updated_at)),
    ]
}

/// A line of CSV (RFC 4180).
fn line(cells: [String; 28]) -> String {
    let mut line = cells.map(|text| cell(&text)).join(",");
    line += "\r\n";
    line
}

/// A cell. What a spreadsheet would run gets an apostrophe before it: its text comes from strangers. In many countries
/// spreadsheets cut lines at semicolons, and some at tabs, so a cell may begin behind these, too.
fn cell(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len() + 2);
    let mut rest = text;
    loop {
        let begun = rest.trim_start_matches([' ', '\t', '\r', '\n', '"', '\'', ';', '\u{a0}', '\u{3000}']);
        if begun.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
            guarded.push('\'');
        }
        match rest.find([';', '\t', '\r', '\n']) {
            Some(end) => {
                let (cell, next) = rest.split_at(end + 1);
                guarded += cell;
                rest = next;
            }
            None => break guarded += rest,
        }
    }
    if guarded.contains([',', '"', '\r', '\n']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_hold_no_formulas() {
        for (text, written) in [
            ("", ""),
            ("Vera", "Vera"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+33", "'+33"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "\"'\r'=1\""),
            ("Eve;=1+1;", "Eve;'=1+1;"),
            ("a\t +1", "a\t' +1"),
            ("a;;@b;c-d", "a;';'@b;c-d"),
            ("a;\"=1\"", "\"a;'\"\"=1\"\"\""),
            ("two\n-1", "\"two\n'-1\""),
            ("＝1+1", "'＝1+1"),
            ("a; b", "a; b"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
