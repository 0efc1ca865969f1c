//! The account's settings: one row, read whole. What they govern asks [`load`].

use std::borrow::Cow;

use frontdesk_model::business_time::BusinessHours;
use frontdesk_model::dates::{self, Weekday};
use frontdesk_model::error::AttributeError;
use frontdesk_model::time_zones::{self, TimeZone};
use frontdesk_model::{Env, Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{events, locales};

const TEXT_CHARACTERS_MAX: usize = 255;
/// Elements of a list of durations or languages.
const LIST_ELEMENTS_MAX: usize = 50;
/// A duration is at most ten years.
const SECONDS_MAX: i64 = 10 * 365 * 86_400;
const HOURS_MAX: i64 = SECONDS_MAX / 3_600;
const MINUTES_MAX: i64 = SECONDS_MAX / 60;
/// Nobody is asked for a longer password than this.
const PASSWORD_MIN_LENGTH_MAX: i64 = 128;
/// So many former passwords are kept at most.
const PASSWORDS_ARCHIVED_MAX: i64 = 50;

/// Names that the public description lets be written and leaves out of its answers, and ours;
/// `extended=true` shows them.
const UNPUBLISHED: [&str; 9] = [
    "category_tagging",
    "dashboard",
    "export_in_seconds",
    "fold_useless_contents",
    "reply_requires_intervention",
    "second_factor_required",
    "session_lifetime",
    "track_js",
    "use_system_font",
];

/// Changes to these are told as `security.updated`, to the others as `settings.updated`.
const SECURITY: [&str; 14] = [
    "deny_iframe_integration",
    "disable_password_autocomplete",
    "expire_password_after",
    "expire_password_enabled",
    "password_archivable_enabled",
    "password_archivable_size",
    "password_min_length",
    "password_non_word",
    "password_numbers",
    "password_recovery_disabled",
    "second_factor_required",
    "session_lifetime",
    "session_timeout",
    "third_party_services_disabled",
];

/// What an account is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words are the contract's")]
pub enum AccountType {
    Demo,
    Production,
    Archived,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the days are known")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Declares a setting once: as it is kept, as it is changed, and what a new account begins with.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $type:ty = $first:expr;)*) => {
        /// The settings that can be changed.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct Settings {
            $($(#[$about])* pub $name: $type,)*
        }

        impl Default for Settings {
            fn default() -> Settings {
                Settings { $($name: $first,)* }
            }
        }

        /// Parameters of `updateSettings`.
        #[derive(Deserialize, JsonSchema)]
        struct Update {
            $($(#[$about])* $name: Option<$type>,)*
        }

        impl Update {
            fn apply(self, settings: &mut Settings) {
                $(if let Some(value) = self.$name { settings.$name = value; })*
            }
        }
    };
}

settings! {
    /// Hours without activity after which a user no longer counts as present.
    #[schemars(range(min = 0, max = HOURS_MAX))]
    activity_presence_threshold: i64 = 1;
    /// Whether users' activity is recorded.
    activity_tracking: bool = false;
    /// The day on which weeks begin.
    beginning_of_week: Day = Day::Monday;
    /// Whether categorisation is forced source by source.
    category_tagging: bool = false;
    /// Codes of the languages that contents are expected in; a single text may hold several, separated by commas.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    content_languages: Vec<String> = Vec::new();
    /// Whether the dashboard is shown.
    dashboard: bool = true;
    /// Whether other websites are kept from embedding the application.
    deny_iframe_integration: bool = true;
    /// Whether browsers are asked not to fill passwords in.
    disable_password_autocomplete: bool = false;
    /// Seconds after which a password expires.
    #[schemars(range(min = 1, max = SECONDS_MAX))]
    expire_password_after: i64 = 90 * 86_400;
    /// Whether conversations scroll down by themselves.
    enable_auto_scroll_down: bool = true;
    /// Whether passwords expire.
    expire_password_enabled: bool = false;
    /// Whether exports tell durations in seconds instead of minutes.
    export_in_seconds: bool = false;
    /// Whether archived contents are folded.
    fold_useless_contents: bool = false;
    /// Hours over which full-time equivalents are counted.
    #[schemars(range(min = 0, max = HOURS_MAX))]
    fte_duration: i64 = 24;
    /// Whether identities of one person may be merged.
    identity_merge: bool = true;
    /// Seconds for which deferring an intervention is offered.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    intervention_defer_rates: Vec<i64> = vec![3_600, 4 * 3_600, 86_400, 2 * 86_400, 7 * 86_400];
    /// Seconds for which an intervention may be deferred at most; 0: no such limit.
    #[schemars(range(min = 0, max = SECONDS_MAX))]
    intervention_defer_threshold: i64 = 0;
    /// Seconds between which reply times are counted in statistics.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    intervention_rates: Vec<i64> = vec![3_600, 4 * 3_600, 86_400, 2 * 86_400];
    /// The account's language, a code of `/locales`: how dates are read and labels written.
    locale: String = "en".into();
    /// Whether contents carry languages.
    multi_lang: bool = false;
    /// What the account is called.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    name: String = "Frontdesk".into();
    /// Whether former passwords may not be used again.
    password_archivable_enabled: bool = false;
    /// How many former passwords are kept for that.
    #[schemars(range(min = 1, max = PASSWORDS_ARCHIVED_MAX))]
    password_archivable_size: i64 = 5;
    /// Characters that a password has at least.
    #[schemars(range(min = 1, max = PASSWORD_MIN_LENGTH_MAX))]
    password_min_length: i64 = 8;
    /// Whether a password needs a character that is neither letter nor digit.
    password_non_word: bool = false;
    /// Whether a password needs a digit.
    password_numbers: bool = false;
    /// Whether passwords cannot be recovered by e-mail.
    password_recovery_disabled: bool = false;
    /// Whether contents are offered to agents one by one.
    push_enabled: bool = true;
    /// Whether agents may answer as any identity that writes on the source.
    reply_as_any_identity: bool = false;
    /// Whether only contents under an open intervention can be answered; otherwise a reply to a content that
    /// was never engaged engages it. Ours.
    reply_requires_intervention: bool = false;
    /// Whether texts may run from right to left.
    rtl_support: bool = false;
    /// Whether authors may ask that their own messages be approved.
    self_approval_required: bool = false;
    /// Whether everybody who signs in with a password needs a second factor. Ours.
    second_factor_required: bool = false;
    /// Minutes after which a session ends, however busy it is. Ours.
    #[schemars(range(min = 1, max = MINUTES_MAX))]
    session_lifetime: i64 = 7 * 1_440;
    /// Minutes after which an idle session ends.
    #[schemars(range(min = 1, max = MINUTES_MAX))]
    session_timeout: i64 = 720;
    /// Whether texts are spell-checked.
    spellchecking: bool = true;
    /// How the application looks.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    style: String = "default".into();
    /// Whether services of third parties, such as tracking, are off. Frontdesk uses none.
    third_party_services_disabled: bool = true;
    /// The account's time zone, a name of `/timezones`.
    timezone: String = time_zones::DEFAULT.into();
    /// Whether errors of scripts are recorded.
    track_js: bool = false;
    /// What the account is used for.
    r#type: AccountType = AccountType::Production;
    /// Seconds within which a chat is answered; later it is urgent.
    #[schemars(range(min = 0, max = SECONDS_MAX))]
    urgent_task_threshold: i64 = 60;
    /// Whether the system's font is used.
    use_system_font: bool = false;
}

impl Settings {
    /// The account's time zone.
    pub fn time_zone(&self) -> TimeZone {
        time_zones::find(&self.timezone).unwrap_or(TimeZone::UTC)
    }

    /// Whether labels are written in French: the account's language decides, English serves all others.
    pub fn speaks_french(&self) -> bool {
        self.locale.split('-').next() == Some("fr")
    }

    /// What the meaning of a date in this account depends on. `business`: when the source in question is open.
    pub fn date_context<'a>(&'a self, now: Timestamp, business: Option<&'a BusinessHours>) -> dates::Context<'a> {
        let first_weekday = match self.beginning_of_week {
            Day::Monday => Weekday::Monday,
            Day::Tuesday => Weekday::Tuesday,
            Day::Wednesday => Weekday::Wednesday,
            Day::Thursday => Weekday::Thursday,
            Day::Friday => Weekday::Friday,
            Day::Saturday => Weekday::Saturday,
            Day::Sunday => Weekday::Sunday,
        };
        dates::Context { now, locale: &self.locale, time_zone: self.time_zone(), first_weekday, business }
    }

    /// Seconds for which deferring is offered: those that an intervention may be deferred for, the shortest first.
    pub fn defer_rates(&self) -> Vec<i64> {
        let threshold = self.intervention_defer_threshold;
        let possible = self.intervention_defer_rates.iter().filter(|rate| threshold == 0 || **rate <= threshold);
        let mut rates: Vec<i64> = possible.copied().collect();
        rates.sort_unstable();
        rates.dedup();
        rates
    }

    /// All that is wrong, told at once.
    fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        let mut wrong = |attribute: &str, kind: &str, message: String| {
            errors.push(AttributeError { attribute: attribute.into(), kind: kind.into(), message });
        };
        if !locales::is_known(&self.locale) {
            wrong("locale", "inclusion", "locale must be one of the codes of /locales.".into());
        }
        if time_zones::find(&self.timezone).is_none() {
            wrong("timezone", "inclusion", "timezone must be one of the names of /timezones.".into());
        }
        for (name, text) in [("name", &self.name), ("style", &self.style)] {
            if text.is_empty() {
                wrong(name, "blank", format!("{name} can't be blank."));
            }
        }
        for (name, list) in [
            ("intervention_defer_rates", &self.intervention_defer_rates),
            ("intervention_rates", &self.intervention_rates),
        ] {
            if list.iter().any(|seconds| !(1..=SECONDS_MAX).contains(seconds)) {
                wrong(name, "out_of_range", format!("{name} must hold seconds from 1 to {SECONDS_MAX}."));
            }
        }
        if self.content_languages.iter().any(|code| !locales::is_known(code)) {
            let message = "content_languages must be codes of /locales.";
            wrong("content_languages", "inclusion", message.into());
        }
        if self.content_languages.len() > LIST_ELEMENTS_MAX {
            let message = format!("content_languages has too many elements (at most {LIST_ELEMENTS_MAX}).");
            wrong("content_languages", "too_long", message);
        }
        if errors.is_empty() { Ok(()) } else { Err(error::invalid_all(errors)) }
    }
}

/// The settings now. One statement; those of a new account while there are none.
pub fn load(tx: &mut dyn Tx) -> Result<Settings> {
    Ok(account(tx)?.map(|account| account.settings).unwrap_or_default())
}

/// Makes the account's row, unless there is one.
pub(crate) fn ensure(tx: &mut dyn Tx, env: &Env) -> Result<()> {
    if account(tx)?.is_none() {
        tx.execute(
            "INSERT INTO settings (id, settings, created_at, updated_at) VALUES ($1, $2, $3, $3)",
            args![&env.id(), &text(&Settings::default())?, env.now()],
        )?;
    }
    Ok(())
}

/// The row of the account.
struct Account {
    id: Id,
    settings: Settings,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn account(tx: &mut dyn Tx) -> Result<Option<Account>> {
    let Some(row) = tx.first("SELECT id, settings, created_at, updated_at FROM settings", args![])? else {
        return Ok(None);
    };
    let settings: String = row.get(1)?;
    let settings =
        serde_json::from_str(&settings).map_err(|trouble| error::broken(format!("settings.settings: {trouble}")))?;
    Ok(Some(Account { id: row.get(0)?, settings, created_at: row.get(2)?, updated_at: row.get(3)? }))
}

fn text(settings: &Settings) -> Result<String> {
    serde_json::to_string(settings).map_err(|trouble| error::broken(trouble.to_string()))
}

fn members(settings: &Settings) -> Result<Map<String, Value>> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => Ok(members),
        other => Err(error::broken(format!("settings are no object: {other:?}"))),
    }
}

/// The settings as REST shows them, under the published names.
struct Answer {
    account: Account,
    members: Map<String, Value>,
    extended: bool,
}

/// Settings that the public description only shows. Nothing here changes them.
fn read_only() -> [(&'static str, Value); 6] {
    [
        ("browser_notifications_disabled", json!(false)),
        ("display_only_unknown_bbcode", json!(false)),
        ("dump_in_preprod", json!(false)),
        ("intervention_closing_period", json!(0)),
        ("sharding_key", Value::Null),
        ("use_two_letters_avatars", json!(false)),
    ]
}

/// The name under which an answer shows a setting: the published one, brackets included.
fn shown_name(name: &str) -> &str {
    if name == "content_languages" { "content_languages[]" } else { name }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.account.id)?;
        for (name, value) in &self.members {
            if self.extended || !UNPUBLISHED.contains(&name.as_str()) {
                map.serialize_entry(shown_name(name), value)?;
            }
        }
        for (name, value) in read_only() {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("created_at", &self.account.created_at)?;
        map.serialize_entry("updated_at", &self.account.updated_at)?;
        map.end()
    }
}

impl JsonSchema for Answer {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (id, time) = (generator.subschema_for::<Id>(), generator.subschema_for::<Timestamp>());
        let kept = Value::from(Settings::json_schema(generator));
        let mut properties = Map::new();
        properties.insert("id".into(), id.into());
        for (name, schema) in kept["properties"].as_object().into_iter().flatten() {
            let mut schema = schema.clone();
            schema.as_object_mut().map(|schema| schema.remove("default"));
            properties.insert(shown_name(name).into(), schema);
        }
        for (name, value) in read_only() {
            let kind = match value {
                Value::Bool(_) => json!("boolean"),
                Value::Number(_) => json!("integer"),
                _ => json!(["string", "null"]),
            };
            properties.insert(name.into(), json!({ "type": kind }));
        }
        properties.insert("created_at".into(), time.clone().into());
        properties.insert("updated_at".into(), time.into());
        schemars::json_schema!({ "type": "object", "properties": properties, "required": ["id"] })
    }
}

/// What the account wants of the screens of everybody in it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ScreenSettings")]
struct Screen {
    /// Whether a conversation scrolls down by itself when it is opened and when something new comes.
    enable_auto_scroll_down: bool,
    /// Whether archived messages and quoted lines are folded.
    fold_useless_contents: bool,
    /// Whether texts may run from right to left.
    rtl_support: bool,
    /// Whether spelling is checked while people write.
    spellchecking: bool,
    /// Seconds that a customer may wait under a task before it is urgent; 0: none is.
    urgent_task_threshold: i64,
    /// Whether screens are in the system's font.
    use_system_font: bool,
}

pub(crate) fn operations() -> Vec<Operation> {
    let permissions = &[Permission::UpdateSettings];
    vec![
        Operation::read("getAllSettings", Method::GET, "/settings", show)
            .tag("Settings")
            .summary("Reads the account's settings.")
            .notes(
                "With extended=true also reply_requires_intervention, second_factor_required and session_lifetime, which are ours, and the six settings that the public \
                 description only lets be written.",
            )
            .permissions(permissions),
        Operation::read("getScreenSettings", Method::GET, "/settings/screen", screen)
            .tag("Settings")
            .summary("Reads those of the account's settings that the screens of everybody follow.")
            .extension(),
        Operation::write("updateSettings", Method::PUT, "/settings", update)
            .tag("Settings")
            .summary("Changes the account's settings; what is not given stays as it is.")
            .permissions(permissions),
    ]
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let account = account(tx)?.ok_or_else(|| error::broken("the account has no settings"))?;
    Ok(Answer { members: members(&account.settings)?, account, extended: call.extended })
}

fn screen(_: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Screen> {
    let Settings {
        enable_auto_scroll_down,
        fold_useless_contents,
        rtl_support,
        spellchecking,
        urgent_task_threshold,
        use_system_font,
        ..
    } = load(tx)?;
    Ok(Screen {
        enable_auto_scroll_down,
        fold_useless_contents,
        rtl_support,
        spellchecking,
        urgent_task_threshold,
        use_system_font,
    })
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Answer> {
    let account = account(tx)?.ok_or_else(|| error::broken("the account has no settings"))?;
    let mut settings = account.settings.clone();
    parameters.apply(&mut settings);
    for text in [&mut settings.name, &mut settings.style] {
        *text = text.trim().to_owned();
    }
    let codes = settings.content_languages.iter().flat_map(|text| text.split(','));
    settings.content_languages = codes.map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect();
    settings.check()?;

    let (before, after) = (members(&account.settings)?, members(&settings)?);
    let changed: Vec<&String> =
        after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|c| c.0).collect();
    if !changed.is_empty() {
        tx.execute(
            "UPDATE settings SET settings = $2, updated_at = $3 WHERE id = $1",
            args![&account.id, &text(&settings)?, call.env.now()],
        )?;
        let (security, others): (Vec<&String>, Vec<&String>) =
            changed.into_iter().partition(|name| SECURITY.contains(&name.as_str()));
        for (kind, names) in [("security.updated", security), ("settings.updated", others)] {
            if !names.is_empty() {
                tx.append(events::by(call, kind, account.id, json!({ "changed": names })));
            }
        }
    }
    show(call, NoParameters {}, tx)
}
