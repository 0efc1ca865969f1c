//! Values that the nouns of this crate share, checked: 422 for what cannot be.

use frontdesk_model::{Id, Result, error};
use frontdesk_store::{Tx, args};

/// Names and labels are for people: this many characters are enough.
pub(crate) const NAME_CHARACTERS_MAX: usize = 255;

/// A name without spaces around it: neither blank nor too long.
pub(crate) fn name(attribute: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(error::invalid(attribute, "blank", format!("{attribute} can't be blank.")));
    }
    bounded(attribute, text)
}

/// A text that may be absent: blank is none.
pub(crate) fn optional(attribute: &str, text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { bounded(attribute, text).map(Some) }
}

fn bounded(attribute: &str, text: &str) -> Result<String> {
    if text.chars().count() > NAME_CHARACTERS_MAX {
        let message = format!("{attribute} has at most {NAME_CHARACTERS_MAX} characters.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    Ok(text.to_owned())
}

/// A list of ids in order, none twice, at most `max`.
pub(crate) fn distinct(attribute: &str, mut ids: Vec<Id>, max: usize) -> Result<Vec<Id>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > max {
        return Err(error::invalid(attribute, "too_long", format!("{attribute} has at most {max} elements.")));
    }
    Ok(ids)
}

/// 422 unless every id of a list without repetitions is in `table`.
pub(crate) fn known(tx: &mut dyn Tx, table: &str, ids: &[Id], attribute: &str, noun: &str) -> Result<()> {
    let condition = tx.in_list("id", 1);
    let found: Vec<Id> = tx
        .query(&format!("SELECT id FROM {table} WHERE {condition}"), args![ids])?
        .iter()
        .map(|row| row.get(0))
        .collect::<Result<_>>()?;
    match ids.iter().find(|id| !found.contains(id)) {
        Some(unknown) => {
            Err(error::invalid(attribute, "unknown", format!("{attribute}: there is no {noun} {unknown}.")))
        }
        None => Ok(()),
    }
}
