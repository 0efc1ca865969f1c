//! Settings: by file, environment and flags, the later stronger. One list, from which the help, the commented
//! configuration file and every refusal come.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use frontdesk_conversations::calling::StandIns;
use frontdesk_conversations::polling;
use frontdesk_net::{MailSender, MailServer, Mailer, WRITE_STALL_SECONDS_MAX};
use frontdesk_rest::{HEARTBEAT_SECONDS, STREAMS_MAX};
use ipnet::IpNet;
use serde::Deserialize;

/// Settings of `frontdesk serve`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Given {
    /// Directory of the embedded database, the secrets and the attachments; created when missing
    #[arg(long, value_name = "DIR", env = "FRONTDESK_DATA", help_heading = "Settings")]
    pub(crate) data: Option<PathBuf>,

    /// Configuration file in TOML; `frontdesk config` prints a commented one
    #[arg(long, value_name = "FILE", env = "FRONTDESK_CONFIG", help_heading = "Settings")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,

    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", env = "FRONTDESK_LISTEN", value_parser = address, help_heading = "Settings")]
    pub(crate) listen: Option<SocketAddr>,

    /// PostgreSQL, as postgres://user:password@host/database; the embedded database when absent
    #[arg(long, value_name = "URL", env = "FRONTDESK_DATABASE_URL", hide_env_values = true, help_heading = "Settings")]
    pub(crate) database_url: Option<String>,

    /// Where browsers and channels reach this server, such as https://desk.example.com
    #[arg(long, value_name = "URL", env = "FRONTDESK_PUBLIC_URL", help_heading = "Settings")]
    pub(crate) public_url: Option<String>,

    /// Fill an empty installation with example conversations, and serve a shop with the chat at /shop/
    #[arg(long, env = "FRONTDESK_DEMO", num_args = 0..=1, default_missing_value = "true", help_heading = "Settings")]
    pub(crate) demo: Option<bool>,

    /// REST requests a minute and token; 0 switches the throttle off. The Send API is apart
    #[arg(long, value_name = "N", env = "FRONTDESK_RATE_LIMIT", help_heading = "Settings")]
    pub(crate) rate_limit: Option<u32>,

    /// Private addresses that calls to channels may reach; may be repeated
    #[arg(
        long,
        value_name = "CIDR",
        env = "FRONTDESK_ALLOW_OUTBOUND",
        value_delimiter = ',',
        help_heading = "Settings"
    )]
    pub(crate) allow_outbound: Vec<IpNet>,

    /// A place that is called instead of a service, as https://service=http://place; may be repeated. For trying things out
    #[arg(
        long,
        value_name = "ORIGIN=ORIGIN",
        env = "FRONTDESK_STAND_IN",
        value_delimiter = ',',
        help_heading = "Settings"
    )]
    pub(crate) stand_in: Vec<String>,

    /// Proxies whose X-Forwarded-For is believed; may be repeated
    #[arg(
        long,
        value_name = "CIDR",
        env = "FRONTDESK_TRUSTED_PROXY",
        value_delimiter = ',',
        help_heading = "Settings"
    )]
    pub(crate) trusted_proxy: Vec<IpNet>,

    /// Mail server, as smtps://user:password@mail.example.com; also smtp+starttls:// and smtp://. No mail when absent
    #[arg(long, value_name = "URL", env = "FRONTDESK_SMTP_URL", hide_env_values = true, help_heading = "Settings")]
    pub(crate) smtp_url: Option<String>,

    /// Who mails are from, such as Frontdesk <desk@example.com>; needed with smtp-url
    #[arg(long, value_name = "ADDRESS", env = "FRONTDESK_MAIL_FROM", help_heading = "Settings")]
    pub(crate) mail_from: Option<String>,

    /// File with the key that seals secrets; secret.key in the data directory when absent
    #[arg(long, value_name = "FILE", env = "FRONTDESK_SECRET_KEY_FILE", help_heading = "Settings")]
    pub(crate) secret_key_file: Option<PathBuf>,

    /// At most this many connections at once
    #[arg(long, value_name = "N", env = "FRONTDESK_CONNECTIONS_MAX", help_heading = "Settings")]
    pub(crate) connections_max: Option<u32>,

    /// At most this many live streams at once; each is a connection
    #[arg(long, value_name = "N", env = "FRONTDESK_STREAMS_MAX", help_heading = "Settings")]
    pub(crate) streams_max: Option<u32>,

    /// Seconds between two signs of life on a live stream
    #[arg(long, value_name = "SECONDS", env = "FRONTDESK_STREAM_HEARTBEAT", help_heading = "Settings")]
    pub(crate) stream_heartbeat: Option<u64>,

    /// Seconds that a client may leave unread what it is sent, until its connection is cut
    #[arg(long, value_name = "SECONDS", env = "FRONTDESK_UNREAD_TIMEOUT", help_heading = "Settings")]
    pub(crate) unread_timeout: Option<u64>,

    /// Seconds between two times that a channel is asked what is new
    #[arg(long, value_name = "SECONDS", env = "FRONTDESK_POLL_INTERVAL", help_heading = "Settings")]
    pub(crate) poll_interval: Option<u32>,

    /// How many days the log of events is kept
    #[arg(long, value_name = "DAYS", env = "FRONTDESK_LOG_DAYS", help_heading = "Settings")]
    pub(crate) log_days: Option<u32>,

    /// How many days tasks are kept after they are over, with why they went where they went
    #[arg(long, value_name = "DAYS", env = "FRONTDESK_TASK_DAYS", help_heading = "Settings")]
    pub(crate) task_days: Option<u32>,

    /// Which log lines are written: error, warn, info, debug, or a filter such as info,frontdesk_store=debug
    #[arg(long, value_name = "LEVEL", env = "FRONTDESK_LOG", help_heading = "Settings")]
    pub(crate) log: Option<String>,

    /// How log lines are written
    #[arg(long, value_name = "FORMAT", env = "FRONTDESK_LOG_FORMAT", help_heading = "Settings")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How log lines are written, to standard error.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One JSON object a line
    #[default]
    Json,
    /// For people
    Text,
}

/// Settings that are complete and make sense.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) database_url: Option<String>,
    pub(crate) public_url: String,
    pub(crate) demo: bool,
    pub(crate) rate_limit: u32,
    pub(crate) allow_outbound: Vec<IpNet>,
    pub(crate) stand_ins: StandIns,
    pub(crate) trusted_proxy: Vec<IpNet>,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) secret_key_file: PathBuf,
    pub(crate) connections_max: u32,
    pub(crate) streams_max: u32,
    pub(crate) stream_heartbeat: u64,
    pub(crate) unread_timeout: u64,
    pub(crate) poll_interval: u32,
    pub(crate) log_days: u32,
    pub(crate) task_days: u32,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

impl Given {
    /// Adds what the configuration file says where flags and environment say nothing, and the defaults where that
    /// says nothing either. The error names the setting and what it should be.
    pub(crate) fn complete(self) -> Result<Settings, String> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Given::default(),
        };
        let data = self.data.or(file.data).unwrap_or_else(|| "data".into());
        let listen = self.listen.or(file.listen).unwrap_or_else(|| ([127, 0, 0, 1], 8080).into());
        let public_url = match self.public_url.or(file.public_url) {
            Some(url) => checked_url(&url)?,
            None => local_url(listen),
        };
        let database_url = self.database_url.or(file.database_url).filter(|url| !url.is_empty());
        if database_url.as_ref().is_some_and(|url| !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
        {
            return Err("database-url: it should look like postgres://user:password@host/database".into());
        }
        let connections_max = self.connections_max.or(file.connections_max).unwrap_or(10_000);
        if connections_max == 0 {
            return Err("connections-max: it should be at least 1".into());
        }
        let stream_heartbeat = self.stream_heartbeat.or(file.stream_heartbeat).unwrap_or(HEARTBEAT_SECONDS);
        if !(1..=60).contains(&stream_heartbeat) {
            return Err("stream-heartbeat: it should be from 1 to 60 seconds".into());
        }
        let unread_timeout = self.unread_timeout.or(file.unread_timeout).unwrap_or(WRITE_STALL_SECONDS_MAX);
        if !(1..=600).contains(&unread_timeout) {
            return Err("unread-timeout: it should be from 1 to 600 seconds".into());
        }
        let log_days = self.log_days.or(file.log_days).unwrap_or(30);
        if log_days == 0 {
            return Err("log-days: it should be at least 1".into());
        }
        let task_days = self.task_days.or(file.task_days).unwrap_or(400);
        if task_days == 0 {
            return Err("task-days: it should be at least 1".into());
        }
        let poll_interval = self.poll_interval.or(file.poll_interval).unwrap_or(polling::INTERVAL_SECONDS);
        if !(1..=86_400).contains(&poll_interval) {
            return Err("poll-interval: it should be from 1 to 86400 seconds".into());
        }
        let mail_from = self.mail_from.or(file.mail_from).filter(|text| !text.is_empty());
        let smtp_url = self.smtp_url.or(file.smtp_url).filter(|url| !url.is_empty());
        let mailer = smtp_url.map(|url| mailer(&url, mail_from.as_deref())).transpose()?;
        let stand_ins = if self.stand_in.is_empty() { file.stand_in } else { self.stand_in };
        let either = |first: Vec<IpNet>, second: Vec<IpNet>| if first.is_empty() { second } else { first };
        Ok(Settings {
            secret_key_file: self.secret_key_file.or(file.secret_key_file).unwrap_or_else(|| data.join("secret.key")),
            listen,
            database_url,
            public_url,
            demo: self.demo.or(file.demo).unwrap_or(false),
            rate_limit: self.rate_limit.or(file.rate_limit).unwrap_or(500),
            allow_outbound: either(self.allow_outbound, file.allow_outbound),
            stand_ins: StandIns::read(&stand_ins).map_err(|wrong| format!("stand-in: {wrong}"))?,
            trusted_proxy: either(self.trusted_proxy, file.trusted_proxy),
            mailer,
            connections_max,
            streams_max: self.streams_max.or(file.streams_max).unwrap_or(STREAMS_MAX),
            stream_heartbeat,
            unread_timeout,
            poll_interval,
            log_days,
            task_days,
            log: self.log.or(file.log).unwrap_or_else(|| "info".into()),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            data,
        })
    }
}

fn read(path: &Path) -> Result<Given, String> {
    let text = std::fs::read_to_string(path).map_err(|trouble| format!("config: {}: {trouble}", path.display()))?;
    toml::from_str(&text).map_err(|trouble| format!("config: {}: {trouble}", path.display()))
}

fn mailer(url: &str, from: Option<&str>) -> Result<Mailer, String> {
    let from = from.ok_or("mail-from: it is needed with smtp-url, such as Frontdesk <desk@example.com>")?;
    Ok(Mailer {
        server: MailServer::parse(url).map_err(|wrong| format!("smtp-url: {wrong}"))?,
        sender: MailSender::parse(from).map_err(|wrong| format!("mail-from: {wrong}"))?,
    })
}

fn checked_url(url: &str) -> Result<String, String> {
    let wrong = "public-url: it should be an http or https address without a path, such as https://desk.example.com";
    let trimmed = url.trim_end_matches('/');
    let uri: http::Uri = trimmed.parse().map_err(|_| wrong.to_owned())?;
    let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    if !known_scheme || uri.host().is_none_or(str::is_empty) || uri.query().is_some() || uri.path() != "/" {
        return Err(wrong.into());
    }
    Ok(trimmed.to_owned())
}

/// Where to listen, as it is written on the command line.
fn address(written: &str) -> Result<SocketAddr, String> {
    written.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:8080, or 0.0.0.0:8080 for all".into())
}

fn local_url(listen: SocketAddr) -> String {
    if listen.ip().is_loopback() || listen.ip().is_unspecified() {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

/// A configuration file with every setting, commented, with its default.
pub(crate) const COMMENTED_FILE: &str = r#"# Frontdesk's configuration. Environment variables (FRONTDESK_…) and flags are stronger.

# Directory of the embedded database, the secrets and the attachments; created when missing.
# data = "data"

# Where to listen.
# listen = "127.0.0.1:8080"

# PostgreSQL; the embedded database when absent.
# database_url = "postgres://user:password@host/database"

# Where browsers and channels reach this server.
# public_url = "http://localhost:8080"

# Fill an empty installation with example conversations, and serve a shop with the chat at /shop/.
# demo = false

# REST requests a minute and token; 0 switches the throttle off. The Send API is apart.
# rate_limit = 500

# Private addresses that calls to channels may reach.
# allow_outbound = ["127.0.0.0/8"]

# Places that are called instead of services, for trying things out: see `frontdesk fake --help`.
# stand_in = ["https://www.googleapis.com=http://127.0.0.1:4000"]

# Proxies whose X-Forwarded-For is believed.
# trusted_proxy = ["10.0.0.0/8"]

# Mail server; also smtp+starttls:// and smtp://. No mail when absent.
# smtp_url = "smtps://user:password@mail.example.com"

# Who mails are from; needed with smtp_url.
# mail_from = "Frontdesk <desk@example.com>"

# File with the key that seals secrets; secret.key in the data directory when absent. Back it up apart.
# secret_key_file = "data/secret.key"

# At most this many connections at once.
# connections_max = 10000

# At most this many live streams at once; each is a connection.
# streams_max = 5000

# Seconds between two signs of life on a live stream: less than what proxies on the way take for silence.
# stream_heartbeat = 15

# Seconds that a client may leave unread what it is sent, until its connection is cut; on a WebSocket a third of it.
# unread_timeout = 60

# Seconds between two times that a channel is asked what is new.
# poll_interval = 60

# How many days the log of events is kept.
# log_days = 30

# How many days tasks are kept after they are over.
# task_days = 400

# Which log lines are written: error, warn, info, debug, or a filter such as info,frontdesk_store=debug.
# log = "info"

# How log lines are written: json or text.
# log_format = "json"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_names_every_setting_and_its_default() {
        let uncommented: String = COMMENTED_FILE
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')))
            .map(|line| format!("{line}\n"))
            .collect();
        let file: Given = toml::from_str(&uncommented).expect("the commented file");
        assert_eq!(uncommented.lines().count(), 21);
        let defaults = Given::default().complete().expect("defaults");
        assert!(file.clone().complete().expect("the commented file's settings").mailer.is_some());
        let same = Given {
            database_url: None,
            allow_outbound: Vec::new(),
            stand_in: Vec::new(),
            trusted_proxy: Vec::new(),
            smtp_url: None,
            mail_from: None,
            ..file
        };
        assert_eq!(format!("{defaults:?}"), format!("{:?}", same.complete().expect("the commented file's settings")));
    }

    fn with_mail(url: &str, from: &str) -> Given {
        Given { smtp_url: Some(url.into()), mail_from: Some(from.into()), ..Given::default() }
    }

    #[test]
    fn the_password_of_the_mail_server_is_not_shown() {
        let settings =
            with_mail("smtps://user:hunter2@mail.example.com", "desk@example.com").complete().expect("settings");
        assert!(settings.mailer.is_some() && !format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (given, name) in [
            (Given { database_url: Some("mysql://x".into()), ..Given::default() }, "database-url"),
            (Given { public_url: Some("desk.example.com".into()), ..Given::default() }, "public-url"),
            (Given { public_url: Some("https://desk.example.com/x".into()), ..Given::default() }, "public-url"),
            (Given { smtp_url: Some("smtps://mail.example.com".into()), ..Given::default() }, "mail-from"),
            (with_mail("mail.example.com", "desk@example.com"), "smtp-url"),
            (with_mail("smtp://user:hunter2@mail.example.com", "desk@example.com"), "smtp-url"),
            (with_mail("smtps://mail.example.com", "desk"), "mail-from"),
            (Given { connections_max: Some(0), ..Given::default() }, "connections-max"),
            (Given { stream_heartbeat: Some(61), ..Given::default() }, "stream-heartbeat"),
            (Given { unread_timeout: Some(0), ..Given::default() }, "unread-timeout"),
            (Given { log_days: Some(0), ..Given::default() }, "log-days"),
            (Given { task_days: Some(0), ..Given::default() }, "task-days"),
            (Given { stand_in: vec!["https://www.googleapis.com".into()], ..Given::default() }, "stand-in"),
            (Given { poll_interval: Some(0), ..Given::default() }, "poll-interval"),
        ] {
            assert!(given.complete().expect_err(name).starts_with(name));
        }
    }
}
