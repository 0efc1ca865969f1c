//! How dates in searches are read: by the account's locale and time zone, and "business hours" by the time
//! sheet of the source that the search names.

use frontdesk_model::{Id, Result, SourceRight, Timestamp, dates};
use frontdesk_people::{settings, time_sheets};
use frontdesk_rest::Call;
use frontdesk_store::Tx;

/// What reads a date; none: it is no date.
pub(crate) type Reader = Box<dyn Fn(&str) -> Option<Timestamp>>;

/// The reader of one search. `needed`: whether the search holds a date at all; most do not, and then nothing is looked
/// up. `source_id`: the only source that it names. A search that names none, or several, has no business hours of its
/// own: it counts every hour, as a source without a time sheet does.
pub(crate) fn reader(tx: &mut dyn Tx, call: &Call, needed: bool, source_id: Option<Id>) -> Result<Reader> {
    if !needed {
        return Ok(Box::new(|_| None));
    }
    let settings = settings::load(tx)?;
    let business = match source_id.filter(|id| call.caller.may_on(*id, SourceRight::Read)) {
        Some(id) => time_sheets::of_source(tx, id)?,
        None => None,
    };
    let now = call.env.now();
    Ok(Box::new(move |text| dates::parse(text, &settings.date_context(now, business.as_ref()))))
}
