//! What an administrator sets for one page, whichever of its kinds of source it is.

use frontdesk_model::Secret;

use crate::{Setting, SettingKind};

pub(crate) const PAGE_ID: &str = "facebook_page_id";
pub(crate) const APP_ID: &str = "facebook_app_id";
pub(crate) const APP_SECRET: &str = "facebook_app_secret";
pub(crate) const TOKEN: &str = "facebook_page_token";
pub(crate) const VERIFY_TOKEN: &str = "facebook_verify_token";
pub(crate) const VERSION: &str = "facebook_api_version";
pub(crate) const HUMAN_AGENT: &str = "messenger_human_agent";
pub(crate) const IS_PRIMARY: &str = "messenger_is_primary";

fn credential(secret: &Secret) -> Option<&'static str> {
    let is_one = secret.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    (!is_one).then_some("must be one line of letters, digits and signs, as Facebook shows it")
}

const CREDENTIAL: SettingKind = SettingKind::Credential { fault: credential };

pub(crate) const OF_PAGE_ID: Setting = Setting {
    name: PAGE_ID,
    kind: SettingKind::Name,
    required: true,
    doc: "The page's id: on the page under About, Page transparency.",
    generated_when_absent: false,
};
pub(crate) const OF_APP_ID: Setting = Setting {
    name: APP_ID,
    kind: SettingKind::Name,
    required: false,
    doc: "The id of your app at developers.facebook.com.",
    generated_when_absent: false,
};
pub(crate) const OF_APP_SECRET: Setting = Setting {
    name: APP_SECRET,
    kind: CREDENTIAL,
    required: false,
    doc: "The app's secret, from its basic settings: it signs what Facebook sends here.",
    generated_when_absent: false,
};
pub(crate) const OF_TOKEN: Setting = Setting {
    name: TOKEN,
    kind: CREDENTIAL,
    required: false,
    doc: "The page's access token; written for you when the page is connected through the app.",
    generated_when_absent: false,
};
pub(crate) const OF_VERIFY_TOKEN: Setting = Setting {
    name: VERIFY_TOKEN,
    kind: SettingKind::Secret,
    required: false,
    doc: "What Facebook shows when it asks whether the callback address is yours: copy it into the app's webhook \
          settings. Made for you when left empty.",
    generated_when_absent: true,
};
pub(crate) const OF_VERSION: Setting = Setting {
    name: VERSION,
    kind: SettingKind::Name,
    required: false,
    doc: "The version of the Graph API to call, such as v25.0, which it is when absent.",
    generated_when_absent: false,
};
pub(crate) const OF_HUMAN_AGENT: Setting = Setting {
    name: HUMAN_AGENT,
    kind: SettingKind::Boolean,
    required: false,
    doc: "Whether Meta lets your app answer for seven days instead of 24 hours (the human_agent permission).",
    generated_when_absent: false,
};
pub(crate) const OF_IS_PRIMARY: Setting = Setting {
    name: IS_PRIMARY,
    kind: SettingKind::Boolean,
    required: false,
    doc: "Whether your app is the primary one of the page, which takes conversations from a bot; otherwise it asks the \
          bot for them.",
    generated_when_absent: false,
};
