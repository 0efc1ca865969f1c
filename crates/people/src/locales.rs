//! Languages and time zones to choose from: plain arrays, the same for everybody.

use frontdesk_model::{Result, time_zones};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;

/// The languages in which Frontdesk itself speaks: dates in searches, labels, screens.
const INTERFACE: [&str; 2] = ["en", "fr"];

/// Languages of accounts, users and contents: ISO 639-1, with a region where a language is written in several ways.
const LOCALES: [(&str, &str); 54] = [
    ("af", "Afrikaans"),
    ("ar", "Arabic"),
    ("bg", "Bulgarian"),
    ("bn", "Bengali"),
    ("ca", "Catalan"),
    ("cs", "Czech"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("en-GB", "English (United Kingdom)"),
    ("en-US", "English (United States)"),
    ("es", "Spanish"),
    ("et", "Estonian"),
    ("eu", "Basque"),
    ("fa", "Persian"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("fr-CA", "French (Canada)"),
    ("ga", "Irish"),
    ("gl", "Galician"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hr", "Croatian"),
    ("hu", "Hungarian"),
    ("hy", "Armenian"),
    ("id", "Indonesian"),
    ("is", "Icelandic"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ka", "Georgian"),
    ("ko", "Korean"),
    ("lt", "Lithuanian"),
    ("lv", "Latvian"),
    ("mk", "Macedonian"),
    ("ms", "Malay"),
    ("nb", "Norwegian Bokmål"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("pt-BR", "Portuguese (Brazil)"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sk", "Slovak"),
    ("sl", "Slovenian"),
    ("sq", "Albanian"),
    ("sr", "Serbian"),
    ("sv", "Swedish"),
    ("th", "Thai"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("vi", "Vietnamese"),
    ("zh-CN", "Chinese (simplified)"),
    ("zh-TW", "Chinese (traditional)"),
];

/// Whether this is the code of a locale.
pub fn is_known(code: &str) -> bool {
    LOCALES.iter().any(|(known, _)| *known == code)
}

/// A language as REST shows it.
#[derive(Serialize, JsonSchema)]
struct Locale {
    code: &'static str,
    /// Whether Frontdesk itself speaks it.
    interface: bool,
    name: &'static str,
}

/// A language of the interface as REST shows it.
#[derive(Serialize, JsonSchema)]
struct UiLocale {
    code: &'static str,
    name: &'static str,
}

/// A time zone as REST shows it.
#[derive(Serialize, JsonSchema)]
struct Timezone {
    /// IANA name: what `timezone` of the settings, of users and of time sheets takes.
    name: &'static str,
    /// Seconds that clocks there are ahead of UTC now.
    utc_offset: i32,
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getAllLocales", Method::GET, "/locales", locales)
            .tag("Locales")
            .summary("Lists the languages of accounts, users and contents."),
        Operation::read("getAllUiLocales", Method::GET, "/interface_locales", interface_locales)
            .tag("Locales")
            .summary("Lists the languages in which the interface speaks."),
        Operation::read("getAllTimezones", Method::GET, "/timezones", timezones)
            .tag("Timezones")
            .summary("Lists the time zones, with how far each is ahead of UTC now, in seconds."),
    ]
}

fn locales(_: &Call, _: NoParameters, _: &mut dyn Tx) -> Result<Vec<Locale>> {
    let locale = |(code, name)| Locale { code, interface: INTERFACE.contains(&code), name };
    Ok(LOCALES.into_iter().map(locale).collect())
}

fn interface_locales(_: &Call, _: NoParameters, _: &mut dyn Tx) -> Result<Vec<UiLocale>> {
    let spoken = LOCALES.into_iter().filter(|(code, _)| INTERFACE.contains(code));
    Ok(spoken.map(|(code, name)| UiLocale { code, name }).collect())
}

fn timezones(call: &Call, _: NoParameters, _: &mut dyn Tx) -> Result<Vec<Timezone>> {
    let now = call.env.now();
    let zone = |name: &'static String| {
        let utc_offset = time_zones::offset_seconds(&time_zones::find(name)?, now);
        Some(Timezone { name, utc_offset })
    };
    Ok(time_zones::names().iter().filter_map(zone).collect())
}
