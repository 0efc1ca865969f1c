//! What an administrator sets so that apps are notified. The public pages name the three of Huawei and the two
//! about texts (main-export-fields); the others are named after what their consoles call them.

use super::{apns, fcm};
use crate::{Setting, SettingKind};

/// What notifications say in place of the message, when they hide it.
pub const GENERIC_MESSAGE: &str = "notification_generic_message";
/// Whether notifications hide the message.
pub const HIDES_BODY: &str = "disable_notification_body_display";
pub(super) const FCM_SERVICE_ACCOUNT: &str = "fcm_service_account";
pub(super) const FCM_URL: &str = "fcm_url";
pub(super) const APNS_KEY: &str = "apns_key";
pub(super) const APNS_KEY_ID: &str = "apns_key_id";
pub(super) const APNS_TEAM_ID: &str = "apns_team_id";
pub(super) const APNS_TOPIC: &str = "apns_topic";
pub(super) const APNS_SANDBOX: &str = "apns_sandbox";
pub(super) const APNS_URL: &str = "apns_url";
pub(super) const HUAWEI_APPLICATION_ID: &str = "huawei_application_id";
pub(super) const HUAWEI_CLIENT_ID: &str = "huawei_client_id";
pub(super) const HUAWEI_CLIENT_SECRET: &str = "huawei_client_secret";
pub(super) const HUAWEI_URL: &str = "huawei_url";
pub(super) const HUAWEI_TOKEN_URL: &str = "huawei_token_url";

/// What is sent to which of these addresses.
pub(crate) const ADDRESSED: [(&str, &str); 4] = [
    (FCM_URL, FCM_SERVICE_ACCOUNT),
    (APNS_URL, APNS_KEY),
    (HUAWEI_URL, HUAWEI_CLIENT_SECRET),
    (HUAWEI_TOKEN_URL, HUAWEI_CLIENT_SECRET),
];

const fn setting(name: &'static str, kind: SettingKind, doc: &'static str) -> Setting {
    Setting { name, kind, required: false, doc, generated_when_absent: false }
}

/// The form.
pub(crate) static SETTINGS: &[Setting] = &[
    setting(
        GENERIC_MESSAGE,
        SettingKind::Text,
        "What notifications say instead of the message, when they hide it; otherwise a sentence in the person's language.",
    ),
    setting(HIDES_BODY, SettingKind::Boolean, "Whether notifications hide what was written."),
    setting(
        FCM_SERVICE_ACCOUNT,
        SettingKind::Credential { fault: fcm::fault },
        "The JSON file of a service account that may send for the app's Firebase project.",
    ),
    setting(FCM_URL, SettingKind::Url, "Where Firebase Cloud Messaging is, when it is not at Google's address."),
    setting(
        APNS_KEY,
        SettingKind::Credential { fault: apns::fault },
        "The content of the .p8 file of a key for Apple's push notifications.",
    ),
    setting(APNS_KEY_ID, SettingKind::Name, "The id of that key: 10 letters and digits."),
    setting(APNS_TEAM_ID, SettingKind::Name, "The id of the team that the key belongs to."),
    setting(APNS_TOPIC, SettingKind::Name, "The bundle id of the app."),
    setting(APNS_SANDBOX, SettingKind::Boolean, "Whether the app was built for development."),
    setting(
        APNS_URL,
        SettingKind::Url,
        "Where Apple's push notification service is, when it is not at Apple's address.",
    ),
    setting(HUAWEI_APPLICATION_ID, SettingKind::Name, "The app's id at Huawei (App ID)."),
    setting(
        HUAWEI_CLIENT_ID,
        SettingKind::Name,
        "The id of credentials made for Push Kit alone; without it, the app's id.",
    ),
    setting(
        HUAWEI_CLIENT_SECRET,
        SettingKind::Credential { fault: |_| None },
        "The app's secret (App secret), or that of the credentials.",
    ),
    setting(HUAWEI_URL, SettingKind::Url, "Where Huawei Push Kit is, when it is not at Huawei's address."),
    setting(HUAWEI_TOKEN_URL, SettingKind::Url, "Where access tokens are given out, when it is not Huawei's address."),
];
