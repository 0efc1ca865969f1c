//! The documented settings of a source: those that every kind has, and those that belong to some kinds only.

use frontdesk_model::error::AttributeError;
use frontdesk_model::{Id, Result, error};
use frontdesk_people::checked::NAME_CHARACTERS_MAX;
use frontdesk_people::locales;
use frontdesk_rest::given;
use frontdesk_sources::SourceKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Elements of a list of languages, signatures or automatic answers: each language in two tones of voice.
const LIST_ELEMENTS_MAX: usize = 100;
/// Of a signature or an automatic answer: as long as a message may be.
const TEXT_CHARACTERS_MAX: usize = 20_000;
/// Of a target or a period, in seconds: 68 years.
const SECONDS_MAX: i64 = i32::MAX as i64;
/// Between two automatic answers, in seconds: a year.
const GRACE_SECONDS_MAX: i64 = 365 * 24 * 3_600;

/// Settings that every source has, with the defaults of a new one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CommonSettings {
    pub(crate) color: i64,
    pub(crate) sla_response: Option<i64>,
    pub(crate) sla_threshold: i64,
    pub(crate) sla_filtering_categories_strategy: String,
    pub(crate) sla_filtering_category_ids: Vec<Id>,
    pub(crate) sla_expired_strategy: String,
    pub(crate) attachments_security_level: String,
    pub(crate) intervention_messages_boost: i64,
    pub(crate) transferred_tasks_boost: i64,
    pub(crate) hidden_from_stats: bool,
    pub(crate) default_category_ids: Vec<Id>,
    pub(crate) user_thread_default_category_ids: Vec<Id>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) auto_response_triggers: Vec<AutoResponseTrigger>,
    pub(crate) auto_response_trigger_enabled: TriggerFlags,
    pub(crate) auto_response_trigger_grace_periods: TriggerPeriods,
    pub(crate) default_content_language: Option<String>,
    pub(crate) auto_detect_content_language: bool,
    pub(crate) content_languages: Vec<String>,
    pub(crate) content_archiving: bool,
    pub(crate) content_archiving_period: Option<i64>,
    pub(crate) from_name: Option<String>,
    pub(crate) default_task_priority: Option<i64>,
    pub(crate) time_for_thread_inclusion: Option<i64>,
    pub(crate) enable_android: bool,
    pub(crate) enable_ios: bool,
    pub(crate) enable_web: bool,
}

impl Default for CommonSettings {
    fn default() -> CommonSettings {
        CommonSettings {
            color: 0,
            sla_response: None,
            sla_threshold: 0,
            sla_filtering_categories_strategy: "ignored_categories".into(),
            sla_filtering_category_ids: Vec::new(),
            sla_expired_strategy: "max".into(),
            attachments_security_level: "permissive".into(),
            intervention_messages_boost: 0,
            transferred_tasks_boost: 0,
            hidden_from_stats: false,
            default_category_ids: Vec::new(),
            user_thread_default_category_ids: Vec::new(),
            signatures: Vec::new(),
            auto_response_triggers: Vec::new(),
            auto_response_trigger_enabled: TriggerFlags::default(),
            auto_response_trigger_grace_periods: TriggerPeriods::default(),
            default_content_language: None,
            auto_detect_content_language: false,
            content_languages: Vec::new(),
            content_archiving: false,
            content_archiving_period: None,
            from_name: None,
            default_task_priority: None,
            time_for_thread_inclusion: None,
            enable_android: true,
            enable_ios: true,
            enable_web: true,
        }
    }
}

/// A text put under agents' messages in one language.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Signature {
    /// Language, a code of `/locales`.
    pub(crate) language: String,
    /// For the agent who picks it.
    #[serde(default)]
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    pub(crate) name: Option<String>,
    /// The text.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    pub(crate) body: String,
}

/// An automatic answer in one language.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AutoResponseTrigger {
    /// Language, a code of `/locales`.
    pub(crate) language: String,
    /// first_message_from_user or out_of_office_hours_message.
    pub(crate) created_from_trigger: String,
    /// The text.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    pub(crate) body: String,
}

/// Which automatic answers are on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TriggerFlags {
    /// Answers to first messages.
    pub(crate) first_message_from_user: Option<bool>,
    /// Answers outside business hours.
    pub(crate) out_of_office_hours_message: Option<bool>,
}

/// Seconds between two automatic answers.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TriggerPeriods {
    /// After a first message.
    pub(crate) first_message_from_user: Option<i64>,
    /// Outside business hours.
    pub(crate) out_of_office_hours_message: Option<i64>,
}

/// Seconds between two automatic answers, as they are given.
#[derive(Clone, Deserialize, JsonSchema)]
struct GivenPeriods {
    /// After a first message, up to a year; empty: an hour.
    #[serde(default, deserialize_with = "given::or_empty")]
    #[schemars(range(min = 0, max = GRACE_SECONDS_MAX))]
    first_message_from_user: Option<Option<i64>>,
    /// Outside business hours, up to a year; empty: an hour.
    #[serde(default, deserialize_with = "given::or_empty")]
    #[schemars(range(min = 0, max = GRACE_SECONDS_MAX))]
    out_of_office_hours_message: Option<Option<i64>>,
}

/// Parameters of `updateSource`: those of every source, of some kinds, and those of the source's own kind.
#[derive(Clone, Deserialize, JsonSchema)]
pub(crate) struct Update {
    /// Source name.
    pub(crate) name: Option<String>,
    /// Whether it takes and sends contents.
    pub(crate) active: Option<bool>,
    /// The channel (routing group) that it belongs to; empty: none, and nothing of it is routed.
    pub(crate) channel_id: Option<String>,
    /// Colour of the icon, 0 to 9.
    color: Option<i64>,
    /// The time sheet that says when it is open; at most one, and none: always.
    #[schemars(length(max = 1))]
    pub(crate) time_sheet_ids: Option<Vec<Id>>,
    /// Response time in seconds; empty: none is promised.
    #[serde(default, deserialize_with = "given::or_empty")]
    sla_response: Option<Option<i64>>,
    /// Warning threshold in percent, 1 to 99; 0 switches it off.
    sla_threshold: Option<i64>,
    /// ignored_categories or selected_categories.
    sla_filtering_categories_strategy: Option<String>,
    /// Categories for the service level.
    sla_filtering_category_ids: Option<Vec<String>>,
    /// max, half or base.
    sla_expired_strategy: Option<String>,
    /// strict: images and media; relaxed: and documents; permissive: anything.
    attachments_security_level: Option<String>,
    /// Priority boost of messages with an intervention.
    intervention_messages_boost: Option<i64>,
    /// Priority boost of transferred tasks.
    transferred_tasks_boost: Option<i64>,
    /// Whether statistics leave it out.
    hidden_from_stats: Option<bool>,
    /// Categories of threads that customers start.
    default_category_ids: Option<Vec<String>>,
    /// Categories of threads that agents start.
    user_thread_default_category_ids: Option<Vec<String>>,
    /// Signatures.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    signatures: Option<Vec<Signature>>,
    /// Automatic answers.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    auto_response_triggers: Option<Vec<AutoResponseTrigger>>,
    /// Which automatic answers are on.
    auto_response_trigger_enabled: Option<TriggerFlags>,
    /// Seconds between two automatic answers.
    auto_response_trigger_grace_periods: Option<GivenPeriods>,
    /// Language of contents that tell none, a code of `/locales`; empty: none.
    default_content_language: Option<String>,
    /// Whether languages are detected.
    auto_detect_content_language: Option<bool>,
    /// Languages to detect, codes of `/locales`.
    #[schemars(length(max = LIST_ELEMENTS_MAX))]
    content_languages: Option<Vec<String>>,
    /// Whether old contents are archived.
    content_archiving: Option<bool>,
    /// Archive contents older than this many seconds; empty: none.
    #[serde(default, deserialize_with = "given::or_empty")]
    content_archiving_period: Option<Option<i64>>,
    /// The sender's name that customers see; {{firstname}} and {{lastname}} stand for the agent's.
    from_name: Option<String>,
    /// Default priority of tasks; empty: 0.
    #[serde(default, deserialize_with = "given::or_empty")]
    default_task_priority: Option<Option<i64>>,
    /// Seconds after a customer's last message within which the next one joins its thread; empty: however late it comes.
    #[serde(default, deserialize_with = "given::or_empty")]
    time_for_thread_inclusion: Option<Option<i64>>,
    /// Messaging sources only: on Android.
    enable_android: Option<bool>,
    /// Messaging sources only: on iOS.
    enable_ios: Option<bool>,
    /// Messaging sources only: on the web.
    enable_web: Option<bool>,
    /// E-mail sources only.
    time_for_thread_inclusion_enabled: Option<bool>,
    /// E-mail sources only.
    imap_smtp_email: Option<String>,
    /// E-mail sources only.
    imap_mailboxes_to_import: Option<Vec<String>>,
    /// E-mail sources only.
    imap_mailbox_used_for_sent_mail: Option<String>,
    /// E-mail sources only.
    imap_address: Option<String>,
    /// E-mail sources only.
    imap_port: Option<i64>,
    /// E-mail sources only.
    imap_username: Option<String>,
    /// E-mail sources only.
    imap_password: Option<String>,
    /// E-mail sources only.
    imap_oauth_refresh_token: Option<String>,
    /// E-mail sources only.
    imap_use_ssl_tls: Option<bool>,
    /// E-mail sources only.
    imap_use_start_tls: Option<bool>,
    /// E-mail sources only.
    imap_authentication_type: Option<String>,
    /// E-mail sources only.
    imap_ssl_verify_mode: Option<String>,
    /// E-mail sources only.
    smtp_address: Option<String>,
    /// E-mail sources only.
    smtp_port: Option<i64>,
    /// E-mail sources only.
    smtp_username: Option<String>,
    /// E-mail sources only.
    smtp_password: Option<String>,
    /// E-mail sources only.
    smtp_oauth_refresh_token: Option<String>,
    /// E-mail sources only.
    smtp_use_ssl_tls: Option<bool>,
    /// E-mail sources only.
    smtp_use_start_tls: Option<bool>,
    /// E-mail sources only.
    smtp_authentication_type: Option<String>,
    /// E-mail sources only.
    smtp_ssl_verify_mode: Option<String>,
    /// E-mail sources only.
    smtp_helo_domain: Option<String>,
    /// E-mail sources only.
    threading_heuristics: Option<bool>,
    /// E-mail sources only.
    common_ancestors_threading: Option<bool>,
    /// E-mail sources only.
    spam_assassin_level: Option<String>,
    /// E-mail sources only.
    whitelisted_emails: Option<String>,
    /// E-mail sources only.
    cc_blacklist: Option<Vec<String>>,
    /// E-mail sources only.
    email_parser: Option<bool>,
    #[serde(flatten)]
    pub(crate) own: OwnSettings,
}

/// Settings of single kinds, checked against the kind's own list.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OwnSettings {
    /// Channel SDK only: the channel's endpoint, http or https. Without one the channel only posts to us.
    base_uri: Option<String>,
    /// Channel SDK only: the shared secret that signs both directions; generated when absent.
    access_token: Option<String>,
    /// Channel SDK only: the options that the channel implements, such as messages.unthreaded.
    options: Option<Vec<String>>,
    /// Messaging only: what notifications say in place of the message, when they hide it.
    notification_generic_message: Option<String>,
    /// Messaging only: whether notifications hide what was written.
    disable_notification_body_display: Option<bool>,
    /// Messaging only: the JSON file of a service account that may send for the app's Firebase project. Never shown again.
    fcm_service_account: Option<String>,
    /// Messaging only: where Firebase Cloud Messaging is, when it is not at Google's address.
    fcm_url: Option<String>,
    /// Messaging only: the content of the .p8 file of a key for Apple's push notifications. Never shown again.
    apns_key: Option<String>,
    /// Messaging only: the id of that key.
    apns_key_id: Option<String>,
    /// Messaging only: the id of the team that the key belongs to.
    apns_team_id: Option<String>,
    /// Messaging only: the bundle id of the app.
    apns_topic: Option<String>,
    /// Messaging only: whether the app was built for development.
    apns_sandbox: Option<bool>,
    /// Messaging only: where Apple's push notification service is, when it is not at Apple's address.
    apns_url: Option<String>,
    /// Messaging only: the app's id at Huawei.
    huawei_application_id: Option<String>,
    /// Messaging only: the id of credentials made for Huawei Push Kit alone; without it, the app's id.
    huawei_client_id: Option<String>,
    /// Messaging only: the app's secret at Huawei, or that of the credentials. Never shown again.
    huawei_client_secret: Option<String>,
    /// Messaging only: where Huawei Push Kit is, when it is not at Huawei's address.
    huawei_url: Option<String>,
    /// Messaging only: where Huawei gives out access tokens, when it is not Huawei's address.
    huawei_token_url: Option<String>,
    /// X only: the number of the account.
    x_user_id: Option<String>,
    /// X only: the app's API secret, by which what X tells is verified. Never shown again.
    x_consumer_secret: Option<String>,
    /// X only: the app's OAuth 2.0 client ID.
    x_client_id: Option<String>,
    /// X only: the app's OAuth 2.0 client secret, of a confidential client. Never shown again.
    x_client_secret: Option<String>,
    /// X only: the account's refresh token, which changes with every use. Never shown again.
    x_refresh_token: Option<String>,
    /// X only: whether your plan lets you answer also those who neither mentioned nor quoted the account.
    x_answers_everybody: Option<bool>,
    /// YouTube only: the channel's id, which begins with UC.
    youtube_channel_id: Option<String>,
    /// YouTube only: the client ID of your project in the Google Cloud console.
    youtube_client_id: Option<String>,
    /// YouTube only: the client secret that belongs to it. Never shown again.
    youtube_client_secret: Option<String>,
    /// YouTube only: the refresh token of the channel's account. Never shown again.
    youtube_refresh_token: Option<String>,
    /// YouTube only: how many days back comments are imported at first, 0 to 3650; 30 when absent.
    youtube_history_days: Option<i64>,
    /// YouTube only: the units that your project may use a day, 100 to 100000000; 10000 when absent.
    youtube_units_per_day: Option<i64>,
    /// YouTube only: how many of them are kept for answers and moderation, which cost 50 each; two fifths when absent.
    youtube_units_for_answers: Option<i64>,
    /// YouTube only: set to be told of new videos at once, for so many days at a time, 1 to 9.
    youtube_video_news_days: Option<i64>,
    /// YouTube only: the key that signs what is told of videos; generated when absent.
    youtube_video_news_secret: Option<String>,
    /// Facebook and Messenger only: the page's id.
    facebook_page_id: Option<String>,
    /// Facebook and Messenger only: the id of your app at developers.facebook.com.
    facebook_app_id: Option<String>,
    /// Facebook and Messenger only: the app's secret, which signs what Facebook sends here. Never shown again.
    facebook_app_secret: Option<String>,
    /// Facebook and Messenger only: the page's access token. Never shown again.
    facebook_page_token: Option<String>,
    /// Facebook and Messenger only: what Facebook shows when it asks whether the callback address is yours; generated when
    /// absent.
    facebook_verify_token: Option<String>,
    /// Facebook and Messenger only: the version of the Graph API, such as v25.0, which it is when absent.
    facebook_api_version: Option<String>,
    /// Messenger only: whether Meta lets your app answer for seven days instead of 24 hours.
    messenger_human_agent: Option<bool>,
    /// Messenger only: whether your app is the primary one of the page, which takes conversations from a bot.
    messenger_is_primary: Option<bool>,
}

impl OwnSettings {
    /// Those that were given, as the kinds check them.
    pub(crate) fn given(&self) -> Map<String, Value> {
        let given = serde_json::to_value(self).unwrap_or_default();
        let given = given.as_object().cloned().unwrap_or_default();
        given.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// 422 for a setting that this kind of source does not have.
    pub(crate) fn require_of(&self, kind: &SourceKind) -> Result<()> {
        let foreign = |name: &String| !kind.settings.iter().any(|setting| setting.name == name);
        let errors = self.given().into_iter().map(|(name, _)| name).filter(foreign).map(|name| not_here(&name, kind));
        refuse(errors.collect())
    }
}

fn not_here(name: &str, kind: &SourceKind) -> AttributeError {
    let message = format!("{name} does not belong to a source of type {}.", kind.type_name);
    wrong(name, "not_supported", message)
}

fn wrong(attribute: &str, kind: &str, message: String) -> AttributeError {
    AttributeError { attribute: attribute.into(), kind: kind.into(), message }
}

fn refuse(errors: Vec<AttributeError>) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(error::invalid_all(errors)) }
}

/// Whether something named by an id exists: asked of the store by the caller.
pub(crate) trait Known {
    /// Whether there is a category with this id.
    fn category(&mut self, id: Id) -> Result<bool>;

    /// Whether there is a channel with this id.
    fn channel(&mut self, id: Id) -> Result<bool>;
}

impl Update {
    /// The settings after this update; 422 tells everything that is wrong with it at once.
    pub(crate) fn apply(
        self,
        mut settings: CommonSettings,
        kind: &SourceKind,
        known: &mut dyn Known,
    ) -> Result<CommonSettings> {
        let mut errors = self.of_other_kinds(kind);
        self.check_numbers(&mut errors);
        self.check_choices(&mut errors);
        self.check_languages(&mut errors);
        self.check_channel(known, &mut errors)?;
        let mut category_ids = |name, texts: &Option<Vec<String>>| match texts {
            Some(texts) => Ok(Some(categories(name, texts, known, &mut errors)?)),
            None => Ok::<_, error::Error>(None),
        };
        let sla_categories = category_ids("sla_filtering_category_ids", &self.sla_filtering_category_ids)?;
        let default_categories = category_ids("default_category_ids", &self.default_category_ids)?;
        let user_categories = category_ids("user_thread_default_category_ids", &self.user_thread_default_category_ids)?;
        refuse(errors)?;

        put(&mut settings.color, self.color);
        put(&mut settings.sla_threshold, self.sla_threshold);
        put(&mut settings.sla_response, self.sla_response);
        put(&mut settings.sla_filtering_categories_strategy, self.sla_filtering_categories_strategy);
        put(&mut settings.sla_filtering_category_ids, sla_categories);
        put(&mut settings.sla_expired_strategy, self.sla_expired_strategy);
        put(&mut settings.attachments_security_level, self.attachments_security_level);
        put(&mut settings.intervention_messages_boost, self.intervention_messages_boost);
        put(&mut settings.transferred_tasks_boost, self.transferred_tasks_boost);
        put(&mut settings.hidden_from_stats, self.hidden_from_stats);
        put(&mut settings.default_category_ids, default_categories);
        put(&mut settings.user_thread_default_category_ids, user_categories);
        put(&mut settings.signatures, self.signatures);
        put(&mut settings.auto_response_triggers, self.auto_response_triggers);
        put(&mut settings.auto_detect_content_language, self.auto_detect_content_language);
        put(&mut settings.content_languages, self.content_languages);
        put(&mut settings.content_archiving, self.content_archiving);
        put(&mut settings.content_archiving_period, self.content_archiving_period);
        put_text(&mut settings.default_content_language, self.default_content_language);
        put_text(&mut settings.from_name, self.from_name);
        put(&mut settings.default_task_priority, self.default_task_priority);
        put(&mut settings.time_for_thread_inclusion, self.time_for_thread_inclusion);
        put(&mut settings.enable_android, self.enable_android);
        put(&mut settings.enable_ios, self.enable_ios);
        put(&mut settings.enable_web, self.enable_web);
        if let Some(enabled) = self.auto_response_trigger_enabled {
            let flags = &mut settings.auto_response_trigger_enabled;
            put_optional(&mut flags.first_message_from_user, enabled.first_message_from_user);
            put_optional(&mut flags.out_of_office_hours_message, enabled.out_of_office_hours_message);
        }
        if let Some(given) = self.auto_response_trigger_grace_periods {
            let periods = &mut settings.auto_response_trigger_grace_periods;
            put(&mut periods.first_message_from_user, given.first_message_from_user);
            put(&mut periods.out_of_office_hours_message, given.out_of_office_hours_message);
        }
        Ok(settings)
    }

    fn check_numbers(&self, errors: &mut Vec<AttributeError>) {
        for (name, value, most) in [
            ("color", self.color, 9),
            ("sla_threshold", self.sla_threshold, 99),
            ("sla_response", self.sla_response.flatten(), SECONDS_MAX),
            ("content_archiving_period", self.content_archiving_period.flatten(), SECONDS_MAX),
            ("time_for_thread_inclusion", self.time_for_thread_inclusion.flatten(), SECONDS_MAX),
        ] {
            if value.is_some_and(|value| !(0..=most).contains(&value)) {
                errors.push(wrong(name, "out_of_range", format!("{name} must be between 0 and {most}.")));
            }
        }
    }

    fn check_choices(&self, errors: &mut Vec<AttributeError>) {
        for (name, value, allowed) in [
            (
                "sla_filtering_categories_strategy",
                &self.sla_filtering_categories_strategy,
                &["ignored_categories", "selected_categories"][..],
            ),
            ("sla_expired_strategy", &self.sla_expired_strategy, &["max", "half", "base"]),
            ("attachments_security_level", &self.attachments_security_level, &["strict", "relaxed", "permissive"]),
        ] {
            if value.as_ref().is_some_and(|value| !allowed.contains(&value.as_str())) {
                errors.push(wrong(name, "inclusion", format!("{name} must be one of {}.", allowed.join(", "))));
            }
        }
        for trigger in self.auto_response_triggers.iter().flatten() {
            if !["first_message_from_user", "out_of_office_hours_message"]
                .contains(&trigger.created_from_trigger.as_str())
            {
                let message = "created_from_trigger must be first_message_from_user or out_of_office_hours_message.";
                errors.push(wrong("auto_response_triggers", "inclusion", message.into()));
            }
        }
    }

    fn check_languages(&self, errors: &mut Vec<AttributeError>) {
        let of_signatures = self.signatures.iter().flatten().map(|signature| &signature.language);
        let of_answers = self.auto_response_triggers.iter().flatten().map(|answer| &answer.language);
        let in_lists = [
            ("signatures", of_signatures.collect::<Vec<_>>()),
            ("auto_response_triggers", of_answers.collect()),
            ("content_languages", self.content_languages.iter().flatten().collect()),
            // The empty text unsets it.
            (
                "default_content_language",
                self.default_content_language.iter().filter(|code| !code.is_empty()).collect(),
            ),
        ];
        for (name, codes) in in_lists {
            if let Some(code) = codes.into_iter().find(|code| !locales::is_known(code)) {
                let code: String = code.chars().take(20).collect();
                let message = format!("{name}: {code:?} is no language: use a code of /locales.");
                errors.push(wrong(name, "inclusion", message));
            }
        }
    }

    fn check_channel(&self, known: &mut dyn Known, errors: &mut Vec<AttributeError>) -> Result<()> {
        let Some(text) = self.channel_id.as_ref().filter(|text| !text.is_empty()) else { return Ok(()) };
        let is_known = match text.parse() {
            Ok(id) => known.channel(id)?,
            Err(_) => false,
        };
        if !is_known {
            errors.push(wrong("channel_id", "unknown", "channel_id: there is no such channel.".into()));
        }
        Ok(())
    }

    /// One error for each given parameter that belongs to other kinds of sources.
    fn of_other_kinds(&self, kind: &SourceKind) -> Vec<AttributeError> {
        let messaging = [
            ("enable_android", self.enable_android.is_some()),
            ("enable_ios", self.enable_ios.is_some()),
            ("enable_web", self.enable_web.is_some()),
        ];
        let email = [
            ("time_for_thread_inclusion_enabled", self.time_for_thread_inclusion_enabled.is_some()),
            ("imap_smtp_email", self.imap_smtp_email.is_some()),
            ("imap_mailboxes_to_import", self.imap_mailboxes_to_import.is_some()),
            ("imap_mailbox_used_for_sent_mail", self.imap_mailbox_used_for_sent_mail.is_some()),
            ("imap_address", self.imap_address.is_some()),
            ("imap_port", self.imap_port.is_some()),
            ("imap_username", self.imap_username.is_some()),
            ("imap_password", self.imap_password.is_some()),
            ("imap_oauth_refresh_token", self.imap_oauth_refresh_token.is_some()),
            ("imap_use_ssl_tls", self.imap_use_ssl_tls.is_some()),
            ("imap_use_start_tls", self.imap_use_start_tls.is_some()),
            ("imap_authentication_type", self.imap_authentication_type.is_some()),
            ("imap_ssl_verify_mode", self.imap_ssl_verify_mode.is_some()),
            ("smtp_address", self.smtp_address.is_some()),
            ("smtp_port", self.smtp_port.is_some()),
            ("smtp_username", self.smtp_username.is_some()),
            ("smtp_password", self.smtp_password.is_some()),
            ("smtp_oauth_refresh_token", self.smtp_oauth_refresh_token.is_some()),
            ("smtp_use_ssl_tls", self.smtp_use_ssl_tls.is_some()),
            ("smtp_use_start_tls", self.smtp_use_start_tls.is_some()),
            ("smtp_authentication_type", self.smtp_authentication_type.is_some()),
            ("smtp_ssl_verify_mode", self.smtp_ssl_verify_mode.is_some()),
            ("smtp_helo_domain", self.smtp_helo_domain.is_some()),
            ("threading_heuristics", self.threading_heuristics.is_some()),
            ("common_ancestors_threading", self.common_ancestors_threading.is_some()),
            ("spam_assassin_level", self.spam_assassin_level.is_some()),
            ("whitelisted_emails", self.whitelisted_emails.is_some()),
            ("cc_blacklist", self.cc_blacklist.is_some()),
            ("email_parser", self.email_parser.is_some()),
        ];
        let messaging = messaging.into_iter().filter(|(_, given)| *given && !kind.is_messaging);
        // No kind of source is a mailbox.
        let email = email.into_iter().filter(|(_, given)| *given);
        messaging.chain(email).map(|(name, _)| not_here(name, kind)).collect()
    }
}

/// The categories that a parameter names; an error for each that is none.
fn categories(
    name: &str,
    texts: &[String],
    known: &mut dyn Known,
    errors: &mut Vec<AttributeError>,
) -> Result<Vec<Id>> {
    let mut ids = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        match text.parse() {
            Ok(id) if known.category(id)? => ids.push(id),
            _ => errors.push(wrong(name, "unknown", format!("{name}: there is no category {text}."))),
        }
    }
    Ok(ids)
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn put_optional<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

/// The empty text unsets.
fn put_text(place: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value {
        *place = if value.is_empty() { None } else { Some(value) };
    }
}
