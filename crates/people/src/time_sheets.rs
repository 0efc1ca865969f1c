//! Time sheets (area 21): when sources are open. A source has at most one; without one, or with an inactive one, it is
//! always open.

use std::borrow::Cow;

use frontdesk_model::business_time::{BusinessHours, Date, Hours};
use frontdesk_model::error::AttributeError;
use frontdesk_model::time_zones::{self, TimeZone};
use frontdesk_model::{Caller, Id, Permission, Result, SourceRight, Timestamp, dates, error, holidays};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{checked, events, settings};

/// A time sheet has at most this many holidays.
const HOLIDAYS_MAX: usize = 500;
/// A time sheet is for at most this many sources.
const SOURCES_MAX: usize = 1_000;
/// `holidays_region` gives the holidays of this year and of the following ones, so many in all.
const REGION_YEARS: i16 = 5;
const DAYS: [&str; 7] = [
    "monday_hours",
    "tuesday_hours",
    "wednesday_hours",
    "thursday_hours",
    "friday_hours",
    "saturday_hours",
    "sunday_hours",
];

/// A time sheet as the store keeps it.
struct Sheet {
    id: Id,
    label: String,
    active: bool,
    /// From Monday on.
    hours: [String; 7],
    holidays: Vec<Holiday>,
    /// None: the account's.
    time_zone: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A day on which it is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TimeSheetHoliday")]
struct Holiday {
    name: String,
    /// Such as 2026-12-25.
    date: String,
}

/// A time sheet as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TimeSheet")]
struct Answer {
    id: Id,
    label: String,
    active: bool,
    /// The sources that it is for, of those that the caller may read.
    source_ids: Vec<Id>,
    /// Intervals in seconds since midnight, such as 32400-43200,50400-64800; empty for a closed day.
    monday_hours: String,
    tuesday_hours: String,
    wednesday_hours: String,
    thursday_hours: String,
    friday_hours: String,
    saturday_hours: String,
    sunday_hours: String,
    #[serde(rename = "holidays[]")]
    holidays: Vec<Holiday>,
    /// The zone in which the hours count.
    timezone: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "time_sheets.id, label, active, hours, holidays, time_zone, created_at, updated_at";

fn sheet(row: &Row) -> Result<Sheet> {
    let (hours, holidays): (String, String) = (row.get(3)?, row.get(4)?);
    let broken = |trouble: serde_json::Error| error::broken(format!("time_sheets: {trouble}"));
    Ok(Sheet {
        id: row.get(0)?,
        label: row.get(1)?,
        active: row.get(2)?,
        hours: serde_json::from_str(&hours).map_err(broken)?,
        holidays: serde_json::from_str(&holidays).map_err(broken)?,
        time_zone: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

impl Sheet {
    fn business_hours(&self, account_zone: impl FnOnce() -> Result<TimeZone>) -> Result<BusinessHours> {
        let zone = match self.time_zone.as_deref().and_then(time_zones::find) {
            Some(zone) => zone,
            None => account_zone()?,
        };
        let week = std::array::from_fn(|day| Hours::parse(&self.hours[day]).unwrap_or_default());
        let holidays = self.holidays.iter().filter_map(|holiday| holiday.date.parse::<Date>().ok());
        Ok(BusinessHours::new(zone, week, holidays))
    }
}

/// When a source is open; none: always.
pub fn of_source(tx: &mut dyn Tx, source_id: Id) -> Result<Option<BusinessHours>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM time_sheet_sources JOIN time_sheets ON time_sheets.id = time_sheet_id
         WHERE source_id = $1 AND active"
    );
    let Some(row) = tx.first(&sql, args![&source_id])? else { return Ok(None) };
    let hours = sheet(&row)?.business_hours(|| Ok(settings::load(tx)?.time_zone()))?;
    Ok(Some(hours))
}

/// Whether a source is open at a moment.
pub fn is_open(tx: &mut dyn Tx, source_id: Id, at: Timestamp) -> Result<bool> {
    Ok(of_source(tx, source_id)?.is_none_or(|hours| hours.is_open(at)))
}

/// The time sheets of sources: pairs of source and sheet.
pub fn ids_of_sources(tx: &mut dyn Tx, source_ids: &[Id]) -> Result<Vec<(Id, Id)>> {
    let condition = tx.in_list("source_id", 1);
    let sql = format!("SELECT source_id, time_sheet_id FROM time_sheet_sources WHERE {condition}");
    tx.query(&sql, args![source_ids])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Gives a source a time sheet in place of the one that it has, or none. 422 when there is no such sheet.
pub fn set_of_source(tx: &mut dyn Tx, source_id: Id, sheet_id: Option<Id>) -> Result<()> {
    if let Some(id) = sheet_id {
        checked::known(tx, "time_sheets", &[id], "time_sheet_ids", "time sheet")?;
    }
    tx.execute("DELETE FROM time_sheet_sources WHERE source_id = $1", args![&source_id])?;
    if let Some(id) = sheet_id {
        let sql = "INSERT INTO time_sheet_sources (source_id, time_sheet_id) VALUES ($1, $2)";
        tx.execute(sql, args![&source_id, &id])?;
    }
    Ok(())
}

/// Parameters of `createTimeSheet`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it.
    label: String,
    /// The country whose public holidays it begins with, for this year and the four that follow.
    holidays_region: Option<Region>,
    #[serde(flatten)]
    attributes: Attributes,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Region {
    De,
    Es,
    Fr,
    Gb,
    It,
    Nl,
    Us,
}

/// Parameters of `updateTimeSheet`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    label: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a time sheet is made of beside its label.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// Whether it counts; sources with an inactive one are always open.
    active: Option<bool>,
    /// The sources that it is for; given, it replaces those that the caller may read. A source leaves the sheet that it
    /// had.
    source_ids: Option<Vec<Id>>,
    /// Days on which it is closed: a list of hashes of name and date, or the same as JSON. The date is such as
    /// 2026-12-25, or with its numbers in the order of the account's locale. Given, it replaces all of them.
    #[serde(default)]
    holidays: Option<GivenHolidays>,
    /// Open intervals on Mondays in seconds since midnight, such as 32400-43200,50400-64800; empty: closed.
    monday_hours: Option<String>,
    /// On Tuesdays.
    tuesday_hours: Option<String>,
    /// On Wednesdays.
    wednesday_hours: Option<String>,
    /// On Thursdays.
    thursday_hours: Option<String>,
    /// On Fridays.
    friday_hours: Option<String>,
    /// On Saturdays.
    saturday_hours: Option<String>,
    /// On Sundays.
    sunday_hours: Option<String>,
    /// Ours: the zone in which the hours count, a name of /timezones; empty: the account's.
    timezone: Option<String>,
}

/// The public description says both that it is a text and that it is an array of hashes.
#[derive(Deserialize)]
struct GivenHolidays(Value);

impl JsonSchema for GivenHolidays {
    fn schema_name() -> Cow<'static, str> {
        "GivenHolidays".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Vec<Holiday>>();
        schemars::json_schema!({ "anyOf": [list, { "type": "string" }] })
    }
}

impl GivenHolidays {
    fn read(self, locale: &str) -> Result<Vec<Holiday>> {
        let wrong = |message: &str| error::invalid("holidays", "invalid", format!("holidays {message}."));
        let shape = "must be a list of hashes of name and date";
        let value = match self.0 {
            Value::String(text) if text.trim().is_empty() => Value::Array(Vec::new()),
            Value::String(text) => serde_json::from_str(&text).map_err(|_| wrong(shape))?,
            // As PHP writes lists: holidays[0][name].
            Value::Object(map) if map.keys().all(|key| key.parse::<u32>().is_ok()) => {
                map.into_iter().map(|(_, v)| v).collect()
            }
            other => other,
        };
        let Value::Array(list) = value else { return Err(wrong(shape)) };
        if list.len() > HOLIDAYS_MAX {
            return Err(error::invalid(
                "holidays",
                "too_long",
                format!("holidays has at most {HOLIDAYS_MAX} elements."),
            ));
        }
        // A list of one empty text is how a form writes none.
        let list = list.into_iter().filter(|value| value.as_str() != Some(""));
        list.map(|value| {
            let holiday: Holiday = serde_json::from_value(value).map_err(|_| wrong(shape))?;
            let date = dates::parse_day(&holiday.date, locale);
            let date = date.ok_or_else(|| wrong("must have dates such as 2026-12-25"))?;
            let name = checked::name("holidays", &holiday.name)?;
            if name.contains('\0') {
                return Err(wrong("must not contain the character U+0000"));
            }
            Ok(Holiday { name, date: date.to_string() })
        })
        .collect()
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Time Sheets";
    let permissions = &[Permission::UpdateTimeSheet];
    let path = "/time_sheets/{timeSheetId}";
    vec![
        Operation::read("getAllTimeSheets", Method::GET, "/time_sheets", list)
            .tag(tag)
            .summary("Lists time sheets: active ones first, by label.")
            .permissions(permissions),
        Operation::read("getTimeSheet", Method::GET, path, |call, _: NoParameters, tx| {
            let sheet = find(tx, call.id("timeSheetId", "time sheet")?)?;
            answer(call, tx, sheet)
        })
        .tag(tag)
        .summary("Reads a time sheet.")
        .permissions(permissions),
        Operation::write("createTimeSheet", Method::POST, "/time_sheets", create)
            .tag(tag)
            .summary("Creates a time sheet.")
            .notes("Hours count by the clock on the wall, so that nine is nine also after the clocks have changed.")
            .permissions(permissions),
        Operation::write("updateTimeSheet", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes a time sheet; what is not given stays as it is.")
            .permissions(permissions),
        Operation::write("deleteTimeSheet", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a time sheet: its sources are always open from then on.")
            .permissions(permissions),
    ]
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let count = tx.one("SELECT count(*) FROM time_sheets", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM time_sheets ORDER BY active DESC, label_key, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    let records = rows.iter().map(|row| answer(call, tx, sheet(row)?)).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, records))
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<Sheet> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM time_sheets WHERE id = $1"), args![&id])?;
    sheet(&row.ok_or_else(|| error::not_found("time sheet"))?)
}

fn source_ids(caller: &Caller, tx: &mut dyn Tx, id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT source_id FROM time_sheet_sources WHERE time_sheet_id = $1 ORDER BY source_id";
    let ids: Vec<Id> = tx.query(sql, args![&id])?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    Ok(ids.into_iter().filter(|id| caller.may_on(*id, SourceRight::Read)).collect())
}

fn answer(call: &Call, tx: &mut dyn Tx, sheet: Sheet) -> Result<Answer> {
    let timezone = match sheet.time_zone {
        Some(zone) => zone,
        None => settings::load(tx)?.timezone,
    };
    let source_ids = source_ids(&call.caller, tx, sheet.id)?;
    let [monday_hours, tuesday_hours, wednesday_hours, thursday_hours, friday_hours, saturday_hours, sunday_hours] =
        sheet.hours;
    Ok(Answer {
        id: sheet.id,
        label: sheet.label,
        active: sheet.active,
        source_ids,
        monday_hours,
        tuesday_hours,
        wednesday_hours,
        thursday_hours,
        friday_hours,
        saturday_hours,
        sunday_hours,
        holidays: sheet.holidays,
        timezone,
        created_at: sheet.created_at,
        updated_at: sheet.updated_at,
    })
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Answer> {
    let (id, now) = (call.env.id(), call.env.now());
    let mut sheet = Sheet {
        id,
        label: checked::name("label", &parameters.label)?,
        active: true,
        hours: Default::default(),
        holidays: Vec::new(),
        time_zone: None,
        created_at: now,
        updated_at: now,
    };
    let given_sources = parameters.attributes.source_ids.clone();
    apply(call, parameters.attributes, &mut sheet, tx)?;
    if let Some(region) = parameters.holidays_region {
        add_region(&mut sheet.holidays, region, now);
    }
    tx.execute(
        "INSERT INTO time_sheets (id, label, label_key, active, hours, holidays, time_zone, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        args![
            &id,
            &sheet.label,
            sheet.label.to_lowercase().as_bytes(),
            sheet.active,
            &json!(sheet.hours).to_string(),
            &json!(sheet.holidays).to_string(),
            &sheet.time_zone,
            now
        ],
    )?;
    set_sources(call, tx, id, given_sources)?;
    tx.append(events::by(call, "time_sheet.created", id, json!({ "label": sheet.label })));
    answer(call, tx, sheet)
}

/// Holidays that were given stay; a day is a holiday once.
fn add_region(holidays: &mut Vec<Holiday>, region: Region, now: Timestamp) {
    let region = match region {
        Region::De => "de",
        Region::Es => "es",
        Region::Fr => "fr",
        Region::Gb => "gb",
        Region::It => "it",
        Region::Nl => "nl",
        Region::Us => "us",
    };
    let year: i16 = now.rest().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
    let computed = (year..year.saturating_add(REGION_YEARS)).flat_map(|year| holidays::of(region, year));
    for (date, name) in computed {
        let date = date.to_string();
        if !holidays.iter().any(|known| known.date == date) {
            holidays.push(Holiday { name: name.into(), date });
        }
    }
    holidays.sort_by(|a, b| a.date.cmp(&b.date));
}

/// Changes what was given; 422 tells everything that is wrong at once.
fn apply(call: &Call, given: Attributes, sheet: &mut Sheet, tx: &mut dyn Tx) -> Result<()> {
    sheet.active = given.active.unwrap_or(sheet.active);
    let mut errors = Vec::new();
    let days = [
        given.monday_hours,
        given.tuesday_hours,
        given.wednesday_hours,
        given.thursday_hours,
        given.friday_hours,
        given.saturday_hours,
        given.sunday_hours,
    ];
    for ((name, place), text) in DAYS.into_iter().zip(&mut sheet.hours).zip(days) {
        match text.as_deref().map(Hours::parse) {
            None => {}
            Some(Ok(hours)) => *place = hours.to_string(),
            Some(Err(reason)) => {
                let message = format!("{name} {reason}.");
                errors.push(AttributeError { attribute: name.into(), kind: "invalid".into(), message });
            }
        }
    }
    match given.timezone {
        None => {}
        Some(name) if name.is_empty() => sheet.time_zone = None,
        Some(name) if time_zones::find(&name).is_some() => sheet.time_zone = Some(name),
        Some(_) => {
            let message = "timezone must be one of the names of /timezones.".into();
            errors.push(AttributeError { attribute: "timezone".into(), kind: "inclusion".into(), message });
        }
    }
    if !errors.is_empty() {
        return Err(error::invalid_all(errors));
    }
    if let Some(holidays) = given.holidays {
        sheet.holidays = holidays.read(&settings::load(tx)?.locale)?;
    }
    if let Some(ids) = given.source_ids {
        let ids = checked::distinct("source_ids", ids, SOURCES_MAX)?;
        checked::nameable_sources(&ids, |id| call.caller.may_on(*id, SourceRight::Read))?;
    }
    Ok(())
}

/// Replaces the sources, of those that the caller may read; they leave the sheets that they had.
fn set_sources(call: &Call, tx: &mut dyn Tx, sheet_id: Id, given: Option<Vec<Id>>) -> Result<bool> {
    let Some(given) = given else { return Ok(false) };
    let given = checked::distinct("source_ids", given, SOURCES_MAX)?;
    let before = source_ids(&call.caller, tx, sheet_id)?;
    for id in before.iter().filter(|id| !given.contains(id)) {
        set_of_source(tx, *id, None)?;
    }
    for id in given.iter().filter(|id| !before.contains(id)) {
        set_of_source(tx, *id, Some(sheet_id))?;
    }
    Ok(before != given)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Answer> {
    let id = call.id("timeSheetId", "time sheet")?;
    let mut sheet = find(tx, id)?;
    let kept = |sheet: &Sheet| {
        (sheet.label.clone(), sheet.active, sheet.hours.clone(), sheet.holidays.clone(), sheet.time_zone.clone())
    };
    let before = kept(&sheet);
    if let Some(label) = &parameters.label {
        sheet.label = checked::name("label", label)?;
    }
    let given_sources = parameters.attributes.source_ids.clone();
    apply(call, parameters.attributes, &mut sheet, tx)?;
    let moved = set_sources(call, tx, id, given_sources)?;
    if moved || before != kept(&sheet) {
        sheet.updated_at = call.env.now();
        tx.execute(
            "UPDATE time_sheets SET label = $2, label_key = $3, active = $4, hours = $5, holidays = $6, time_zone = $7,
                                    updated_at = $8
             WHERE id = $1",
            args![
                &id,
                &sheet.label,
                sheet.label.to_lowercase().as_bytes(),
                sheet.active,
                &json!(sheet.hours).to_string(),
                &json!(sheet.holidays).to_string(),
                &sheet.time_zone,
                sheet.updated_at
            ],
        )?;
        tx.append(events::by(call, "time_sheet.updated", id, json!({ "label": sheet.label })));
    }
    answer(call, tx, sheet)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let sheet = find(tx, call.id("timeSheetId", "time sheet")?)?;
    let id = sheet.id;
    let gone = answer(call, tx, sheet)?;
    tx.execute("DELETE FROM time_sheet_sources WHERE time_sheet_id = $1", args![&id])?;
    tx.execute("DELETE FROM time_sheets WHERE id = $1", args![&id])?;
    tx.append(events::by(call, "time_sheet.destroyed", id, json!({ "label": gone.label })));
    Ok(gone)
}
