//! What an administrator sets for one channel.

use frontdesk_model::Secret;

use crate::{Setting, SettingKind};

/// The setting that says whose comments: the channel's id.
pub const CHANNEL_ID: &str = "youtube_channel_id";
pub(super) const CLIENT_ID: &str = "youtube_client_id";
pub(super) const CLIENT_SECRET: &str = "youtube_client_secret";
pub(super) const REFRESH_TOKEN: &str = "youtube_refresh_token";
/// The setting that says how far back comments are imported.
pub const HISTORY_DAYS: &str = "youtube_history_days";
pub(super) const UNITS_PER_DAY: &str = "youtube_units_per_day";
pub(super) const UNITS_FOR_ANSWERS: &str = "youtube_units_for_answers";
/// The setting that says for how long news of videos is asked for; none where it is not.
pub const LEASE_DAYS: &str = "youtube_video_news_days";
/// The setting that signs news of videos.
pub const WEBSUB_SECRET: &str = "youtube_video_news_secret";

fn credential(secret: &Secret) -> Option<&'static str> {
    let is_one = secret.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    (!is_one).then_some("must be one line of letters, digits and signs, as the service shows it")
}

const CREDENTIAL: SettingKind = SettingKind::Credential { fault: credential };

/// The form.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: CHANNEL_ID,
        kind: SettingKind::Name,
        required: true,
        doc: "The channel's id, which begins with UC: in YouTube Studio under Settings, Channel, Advanced settings.",
        generated_when_absent: false,
    },
    Setting {
        name: CLIENT_ID,
        kind: SettingKind::Text,
        required: false,
        doc: "The client ID of your project in the Google Cloud console.",
        generated_when_absent: false,
    },
    Setting {
        name: CLIENT_SECRET,
        kind: CREDENTIAL,
        required: false,
        doc: "The client secret that belongs to it.",
        generated_when_absent: false,
    },
    Setting {
        name: REFRESH_TOKEN,
        kind: CREDENTIAL,
        required: false,
        doc: "The refresh token of the channel's account for the scope youtube.force-ssl.",
        generated_when_absent: false,
    },
    Setting {
        name: HISTORY_DAYS,
        kind: SettingKind::Integer { min: 0, max: 3_650 },
        required: false,
        doc: "How many days back comments are imported at first; 30 when absent.",
        generated_when_absent: false,
    },
    Setting {
        name: UNITS_PER_DAY,
        kind: SettingKind::Integer { min: 100, max: 100_000_000 },
        required: false,
        doc: "The units that your project may use a day, as the Google Cloud console shows them; 10000 when absent.",
        generated_when_absent: false,
    },
    Setting {
        name: UNITS_FOR_ANSWERS,
        kind: SettingKind::Integer { min: 0, max: 100_000_000 },
        required: false,
        doc: "How many of them are kept for answers and moderation, which cost 50 each; two fifths when absent.",
        generated_when_absent: false,
    },
    Setting {
        name: LEASE_DAYS,
        kind: SettingKind::Integer { min: 1, max: 9 },
        required: false,
        doc: "Set to ask YouTube for news of the channel's videos, for so many days at a time. This server must be \
              reachable at its public address.",
        generated_when_absent: false,
    },
    Setting {
        name: WEBSUB_SECRET,
        kind: SettingKind::Secret,
        required: false,
        doc: "The key that signs news of videos; made for you when left empty.",
        generated_when_absent: true,
    },
];
