//! Importing identities: for communities whose identities are known by an e-mail address or a phone
//! number, which anybody can know before the first message.

use frontdesk_model::{Id, Permission, Result, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, Operation};
use frontdesk_sources::inbound::InboundAuthor;
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rest::{Identity, answer};
use super::{EXTRA_VALUES_MAX, Gender, insert, merged, readable_communities, require_readable};
use crate::identity_groups::mapping;
use crate::{communities, events, sources};

/// Kinds of communities whose identities are known by an e-mail address. The foreign id is the address in lower case.
pub(crate) const EMAILS: &str = "emails";
/// Kinds of communities whose identities are known by a phone number. The foreign id is its digits.
pub(crate) const PHONES: &str = "sms";
/// An e-mail address has at most this many characters (RFC 5321).
/// International numbers have so many digits (E.164); shorter ones are service codes of one country.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
const TEXT_CHARACTERS_MAX: usize = 255;
/// All extra values together, as JSON.
const EXTRA_VALUES_BYTES_MAX: usize = 64 * 1024;

/// Parameters of `importIdentity`.
#[derive(Deserialize, JsonSchema)]
struct Import {
    /// The community, of kind emails or sms; needed without source_id.
    community_id: Option<String>,
    /// A source of the community; ignored beside community_id.
    source_id: Option<String>,
    /// The e-mail address, or the phone number in international form.
    identifier: String,
    /// Whether an identity that exists is updated; otherwise it is answered as it is.
    upsert: Option<bool>,
    /// Company.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    company: Option<String>,
    /// First name.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    firstname: Option<String>,
    /// Last name.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    lastname: Option<String>,
    /// man, woman or empty.
    gender: Option<Gender>,
    /// Home phone; e-mail communities only.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    home_phone: Option<String>,
    /// Mobile phone; in phone communities always the identifier.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    mobile_phone: Option<String>,
    /// Screen name; in phone communities always the identifier.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    screenname: Option<String>,
    /// Extra values, by key; added to those known.
    #[serde(default)]
    extra_values: Map<String, Value>,
}

pub(super) fn operation() -> Operation {
    Operation::write("importIdentity", Method::POST, "/identities/import", import)
        .tag("Identities")
        .summary("Imports an identity into a community of e-mails or phone numbers.")
        .notes(
            "Without upsert an identity that exists is answered unchanged. In phone communities screenname and \
             mobile_phone are the number's digits, and home_phone is not taken over.",
        )
        .permissions(&[Permission::UpdateIdentity, Permission::ManageIdentities])
        .replay(|call, answer, tx| require_readable(tx, &call.caller, sources::told_id(answer, "id")?))
        .created()
}

fn import(call: &Call, given: Import, tx: &mut dyn Tx) -> Result<Identity> {
    let community = community(call, &given, tx)?;
    let is_phone = match community.r#type.as_str() {
        EMAILS => false,
        PHONES => true,
        other => {
            let message = format!(
                "community_id: identities of {other} communities cannot be imported: they come from \
                                   their channel. Use a community of type {EMAILS} or {PHONES}."
            );
            return Err(error::invalid("community_id", "invalid", message));
        }
    };
    let identifier = given.identifier.trim();
    let foreign_id = match is_phone {
        true => digits(identifier).ok_or_else(|| {
            let message = "identifier must be a phone number in international form, such as +33612345678.";
            error::invalid("identifier", "invalid", message)
        })?,
        false if checked::is_email(identifier) => identifier.to_lowercase(),
        false => {
            return Err(error::invalid("identifier", "invalid", "identifier must be an e-mail address."));
        }
    };
    if given.extra_values.len() > EXTRA_VALUES_MAX
        || serde_json::to_vec(&given.extra_values).map_or(true, |bytes| bytes.len() > EXTRA_VALUES_BYTES_MAX)
    {
        let message = format!("extra_values: at most {EXTRA_VALUES_MAX} values and {EXTRA_VALUES_BYTES_MAX} bytes.");
        return Err(error::invalid("extra_values", "too_long", message));
    }
    let known = tx.first(
        "SELECT id FROM identities WHERE community_id = $1 AND foreign_id = $2",
        args![&community.id, &foreign_id],
    )?;
    let (id, kind) = match known {
        Some(row) if !given.upsert.unwrap_or(false) => return answer(tx, row.get(0)?, call.extended),
        Some(row) => (row.get(0)?, "identity.updated"),
        None => {
            let author = InboundAuthor::new(foreign_id.clone(), "");
            // No channel has told anything yet: what it tells first is new.
            (insert(tx, &call.env, community.id, &community.r#type, &author, 0)?, "identity.created")
        }
    };
    let email = (!is_phone).then(|| identifier.to_owned());
    let number = is_phone.then(|| foreign_id.clone());
    let home_phone = given.home_phone.filter(|_| !is_phone);
    write(
        call,
        id,
        kind == "identity.created",
        &foreign_id,
        tx,
        |column| match column {
            "screenname" => number.clone().or(given.screenname.clone()),
            "mobile_phone" => number.clone().or(given.mobile_phone.clone()),
            "home_phone" => home_phone.clone(),
            "email" => email.clone(),
            "firstname" => given.firstname.clone(),
            "lastname" => given.lastname.clone(),
            "company" => given.company.clone(),
            _ => given.gender.map(|gender| gender.as_str().to_owned()),
        },
        &given.extra_values,
    )?;
    tx.append(events::by(call, kind, id, None, json!({ "community_id": community.id })));
    let mappings = mapping::of_community(tx, community.id)?;
    mapping::apply(tx, &call.env, &mappings, id, &given.extra_values)?;
    answer(tx, id, call.extended)
}

fn community(call: &Call, given: &Import, tx: &mut dyn Tx) -> Result<communities::Community> {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (attribute, wanted) = match (text(&given.community_id), text(&given.source_id)) {
        (Some(community_id), _) => ("community_id", community_id),
        (None, Some(source_id)) => ("source_id", source_id),
        (None, None) => {
            return Err(error::invalid("community_id", "blank", "community_id can't be blank without source_id."));
        }
    };
    let unknown = || {
        let message = format!("{attribute}: there is no such community, or you may not see its identities.");
        error::invalid(attribute, "unknown", message)
    };
    let wanted: Id = wanted.parse().map_err(|_| unknown())?;
    let source_id = (attribute == "source_id").then_some(wanted);
    let readable = readable_communities(tx, &call.caller, source_id)?;
    let id = match attribute {
        "source_id" => readable.first().copied(),
        _ => Some(wanted).filter(|id| readable.binary_search(id).is_ok()),
    };
    communities::find(tx, id.ok_or_else(unknown)?)
}

/// Writes the attributes that were given; what is given empty is unset.
fn write(
    call: &Call,
    id: Id,
    is_new: bool,
    foreign_id: &str,
    tx: &mut dyn Tx,
    given: impl Fn(&str) -> Option<String>,
    extra_values: &Map<String, Value>,
) -> Result<()> {
    const COLUMNS: [&str; 8] =
        ["screenname", "firstname", "lastname", "company", "email", "home_phone", "mobile_phone", "gender"];
    let sql = format!("SELECT {}, extra_values, uuid FROM identities WHERE id = $1", COLUMNS.join(", "));
    let row = tx.one(&sql, args![&id])?;
    let mut values: Vec<Option<String>> = Vec::with_capacity(COLUMNS.len());
    for (index, column) in COLUMNS.iter().enumerate() {
        values.push(match given(column) {
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            None => row.get(index)?,
        });
    }
    let extra_values = merged(&row.get::<String>(8)?, extra_values)?;
    // The number or address is what other systems know the person by.
    let uuid: Option<String> = if is_new { Some(foreign_id.to_owned()) } else { row.get(9)? };
    tx.execute(
        "UPDATE identities SET screenname = $2, firstname = $3, lastname = $4, company = $5, email = $6,
           home_phone = $7, mobile_phone = $8, gender = $9, extra_values = $10, uuid = $11, updated_at = $12
         WHERE id = $1",
        args![
            &id,
            &values[0],
            &values[1],
            &values[2],
            &values[3],
            &values[4],
            &values[5],
            &values[6],
            &values[7],
            &extra_values,
            &uuid,
            call.env.now()
        ],
    )?;
    Ok(())
}

/// The digits of an international phone number: "+336.23.45.67.89" is 33623456789. None for anything else.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
    // The digit that is dialled within the country only.
    let rest = rest.replacen("(0)", "", 1);
    let mut digits = String::new();
    for character in rest.chars() {
        match character {
            '0'..='9' => digits.push(character),
            ' ' | '.' | '-' | '/' | '(' | ')' | '\u{a0}' => {}
            _ => return None,
        }
        if digits.len() > *PHONE_DIGITS.end() {
            return None;
        }
    }
    (PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then_some(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn phone_numbers_are_cleaned_or_refused() {
        for (text, expected) in [
            ("+336.23.45.67.89", Some("33623456789")),
            ("33623456789", Some("33623456789")),
            ("0033 6 23 45 67 89", Some("33623456789")),
            ("+33 (0)6-23-45-67-89", Some("33623456789")),
            ("+1 (415) 555/0100", Some("14155550100")),
            ("0623456789", None),
            ("+33", None),
            ("+1234567890123456", None),
            ("++33623456789", None),
            ("+33623456789 ext 5", None),
            ("=1+1", None),
            ("", None),
            ("vera@example.com", None),
        ] {
            assert_eq!(digits(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cleaned_or_refused(text in ".*") {
            if let Some(digits) = digits(&text) {
                prop_assert_eq!(super::digits(&digits), Some(digits));
            }
        }
    }
}
