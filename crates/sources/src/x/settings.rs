//! What an administrator sets for one account.

use frontdesk_model::Secret;

use crate::{Setting, SettingKind};

/// The setting that says which account: its number.
pub(super) const USER_ID: &str = "x_user_id";
pub(super) const CONSUMER_SECRET: &str = "x_consumer_secret";
pub(super) const CLIENT_ID: &str = "x_client_id";
pub(super) const CLIENT_SECRET: &str = "x_client_secret";
pub(super) const REFRESH_TOKEN: &str = "x_refresh_token";
pub(super) const ANSWERS_EVERYBODY: &str = "x_answers_everybody";

fn credential(secret: &Secret) -> Option<&'static str> {
    let is_one = secret.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    (!is_one).then_some("must be one line of letters, digits and signs, as the service shows it")
}

const CREDENTIAL: SettingKind = SettingKind::Credential { fault: credential };

/// The form.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: USER_ID,
        kind: SettingKind::Name,
        required: true,
        doc: "The number of the account, as GET /2/users/me tells it: not its name.",
        generated_when_absent: false,
    },
    Setting {
        name: CONSUMER_SECRET,
        kind: CREDENTIAL,
        required: false,
        doc: "The API secret of your app (consumer secret): X signs with it what it tells us.",
        generated_when_absent: false,
    },
    Setting {
        name: CLIENT_ID,
        kind: SettingKind::Text,
        required: false,
        doc: "The OAuth 2.0 client ID of your app.",
        generated_when_absent: false,
    },
    Setting {
        name: CLIENT_SECRET,
        kind: CREDENTIAL,
        required: false,
        doc: "The OAuth 2.0 client secret of your app, if it is a confidential client.",
        generated_when_absent: false,
    },
    Setting {
        name: REFRESH_TOKEN,
        kind: CREDENTIAL,
        required: false,
        doc: "The refresh token of the account; X changes it with every use, and so does the source.",
        generated_when_absent: false,
    },
    Setting {
        name: ANSWERS_EVERYBODY,
        kind: SettingKind::Boolean,
        required: false,
        doc: "Whether your plan lets you answer also those who neither mentioned nor quoted the account.",
        generated_when_absent: false,
    },
];
