//! The binary: command line, configuration, wiring, start and stop. No rules of the product live here.

mod admin;
mod backup;
mod channel_check;
mod control;
mod data_dir;
mod demo;
mod fake;
mod housekeeping;
mod mcp;
mod metrics;
mod migrations;
mod serve;
mod settings;
mod shop;
mod simulate;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use frontdesk_conversations::attachments::Files;
use frontdesk_conversations::polling::ANSWER_DEADLINE;
use frontdesk_model::{Env, Secret, Timestamp};
use frontdesk_net::{AddressPolicy, Mail};
use frontdesk_people::password_links::Links;
use tracing_subscriber::filter::LevelFilter;

use admin::Admin;
use control::Command;
use data_dir::DataDir;
use settings::{COMMENTED_FILE, Given, LogFormat, Settings};

/// Every conversation between a company and its customers, on your own server.
#[derive(Parser)]
#[command(name = "frontdesk", version, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    /// Start the server
    Serve(Box<Given>),
    /// Access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Users
    #[command(subcommand)]
    User(UserCommand),
    /// Outgoing mail
    #[command(subcommand)]
    Mail(MailCommand),
    /// Lend the MCP tools of a running server to a program that starts this command: protocol on stdin and stdout
    Mcp {
        /// Address of the server
        #[arg(long, value_name = "URL", env = "FRONTDESK_URL", default_value = "http://localhost:8080")]
        url: String,
        /// File that holds the access token of the user whom the program acts for
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// The token itself; others on this machine can see flags, so prefer the environment or a file
        #[arg(long, value_name = "TOKEN", env = "FRONTDESK_TOKEN", hide_env_values = true)]
        token: Option<String>,
    },
    /// How work finds agents
    #[command(subcommand)]
    Routing(RoutingCommand),
    /// Channels of one's own
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Stand in for a service at a local address: for trying a source out, and for tests. Needs no installation
    Fake {
        /// Which service
        service: fake::Service,
        /// Where to listen
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
    },
    /// Write database and attachments of one point in time to a file; the server may be running
    Backup {
        #[command(flatten)]
        place: Place,
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Make a data directory (and fill an empty PostgreSQL database) from a backup
    Restore {
        #[command(flatten)]
        place: Place,
        /// A file that `frontdesk backup` wrote
        file: PathBuf,
    },
    /// Fill an installation with a generated past, to measure and to try things out; the server must not be running
    Simulate {
        #[command(flatten)]
        place: Place,
        /// How many contents to write
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=simulate::CONTENTS_MAX))]
        fill: u64,
        /// The same number makes the same conversations
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
    /// Compile style sheets from standard input: what the server starts for itself
    #[command(name = frontdesk_web_messaging::COMPILE_STYLES, hide = true)]
    CompileStyles,
    /// Print a configuration file with every setting, commented, with its default
    Config,
    /// List the REST operations: method, path, id, permissions
    Operations,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Create an access token and print nothing but the token
    Create {
        #[command(flatten)]
        place: Place,
        /// E-mail of the user that the token acts for
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// What the token is for
        #[arg(long, value_name = "NAME")]
        label: String,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Print a link, and nothing but the link, by which a user chooses a new password: once, within a day
    Password {
        #[command(flatten)]
        place: Place,
        /// E-mail of the user
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// Also remove their second factor
        #[arg(long)]
        reset_second_factor: bool,
    },
}

#[derive(Subcommand)]
enum MailCommand {
    /// List the mails that wait or could not be sent: when they were queued, to whom, what about, what went wrong
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Send a mail now, to check the settings smtp-url and mail-from: give them as you give them to `serve`
    Test {
        /// Where to send it
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        #[command(flatten)]
        given: Box<Given>,
    },
}

#[derive(Subcommand)]
enum RoutingCommand {
    /// Lead what happened by another topology, and print what would have become of it: waits, loads, differences
    Rehearse {
        #[command(flatten)]
        place: Place,
        /// File with the topology's document; - is standard input
        #[arg(long, value_name = "FILE")]
        topology: PathBuf,
        /// From then on, such as 2026-01-31 or 2026-01-31T17:00:00Z: at most 31 days
        #[arg(long, value_name = "TIME")]
        since: String,
        /// Up to then; now when absent
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
}

#[derive(Subcommand)]
enum ChannelCommand {
    /// Ask a channel what a server would ask it, and tell what is not as the Channel SDK wants it; needs no installation
    Check {
        /// The channel's address, as a source's base_uri
        url: String,
        /// The secret of both directions, as a source's access_token; others on this machine can see flags, so prefer
        /// the environment
        #[arg(long, value_name = "SECRET", env = "CHANNEL_SECRET", hide_env_values = true)]
        secret: String,
        /// Also write: answer the newest message, unpublish and publish the answer, and delete it again
        #[arg(long)]
        write: bool,
        /// Private network that may be called, as of the server; may be repeated
        #[arg(long, value_name = "CIDR", env = "FRONTDESK_ALLOW_OUTBOUND", value_delimiter = ',')]
        allow_outbound: Vec<ipnet::IpNet>,
        /// Seconds that one answer may take
        #[arg(long, value_name = "N", default_value_t = ANSWER_DEADLINE.as_secs(),
              value_parser = clap::value_parser!(u64).range(1..=300))]
        timeout: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which installation a command is about.
#[derive(Args)]
struct Place {
    /// Data directory of the installation
    #[arg(long, value_name = "DIR", env = "FRONTDESK_DATA", default_value = "data")]
    data: PathBuf,
    /// PostgreSQL of the installation, when no server is running and the embedded database is not used
    #[arg(long, value_name = "URL", env = "FRONTDESK_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Where browsers reach the server, when none is running: links begin with it
    #[arg(long, value_name = "URL", env = "FRONTDESK_PUBLIC_URL")]
    public_url: Option<String>,
}

impl Place {
    fn settings(self) -> Result<Settings, String> {
        let Place { data, database_url, public_url } = self;
        Given { data: Some(data), database_url, public_url, ..Given::default() }.complete()
    }
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Commands::Serve(given) => given.complete().and_then(start),
        Commands::Token(TokenCommand::Create { place, user, label }) => {
            operate(place, &Command::CreateToken { user, label }).and_then(print_line)
        }
        Commands::User(UserCommand::Password { place, user, reset_second_factor }) => {
            operate(place, &Command::ResetPassword { user, reset_second_factor }).and_then(print_line)
        }
        Commands::Mail(MailCommand::List { place }) => {
            operate(place, &Command::ListMails).and_then(|list| print(&list))
        }
        Commands::Mail(MailCommand::Test { to, given }) => {
            given.complete().and_then(|settings| test_mail(settings, &to)).and_then(print_line)
        }
        Commands::Mcp { url, token_file, token } => {
            runtime().and_then(|runtime| runtime.block_on(mcp::run(&url, token, token_file.as_deref())))
        }
        Commands::Routing(RoutingCommand::Rehearse { place, topology, since, until }) => read_text(&topology)
            .and_then(|topology| operate(place, &Command::Rehearse { topology, since, until }))
            .and_then(|report| print(&report)),
        Commands::Channel(ChannelCommand::Check { url, secret, write, allow_outbound, timeout, json }) => {
            let policy = AddressPolicy { allowed: allow_outbound };
            let deadline = Duration::from_secs(timeout);
            let asked = channel_check::Asked { url, secret: Secret::new(secret), write, json, policy, deadline };
            runtime().and_then(|runtime| runtime.block_on(channel_check::run(asked, environment())))
        }
        Commands::Fake { service, listen } => {
            runtime().and_then(|runtime| runtime.block_on(fake::run(service, listen, environment())))
        }
        Commands::Backup { place, file } => std::path::absolute(&file)
            .map_err(|error| format!("{}: {error}", file.display()))
            .and_then(|file| operate(place, &Command::Backup { file }))
            .and_then(print_line),
        Commands::Restore { place, file } => place.settings().and_then(|settings| restore(&settings, &file)),
        Commands::Simulate { place, fill, seed } => {
            place.settings().and_then(|settings| simulate(&settings, fill, seed)).and_then(print_line)
        }
        Commands::CompileStyles => frontdesk_web_messaging::compile_styles(),
        Commands::Config => print(COMMENTED_FILE),
        Commands::Operations => list_operations(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("frontdesk: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The real clock, chance and ids: the only place that takes them from the system.
#[expect(clippy::disallowed_methods, reason = "this is where the rest of the program gets them from")]
fn environment() -> Env {
    let random = ring::rand::SystemRandom::new();
    let clock = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    };
    Env::new(clock, move |bytes| {
        // Without randomness every key and token would be guessable: better not to run at all.
        if ring::rand::SecureRandom::fill(&random, bytes).is_err() {
            eprintln!("frontdesk: the system gives no randomness");
            std::process::abort();
        }
    })
}

/// What a file holds; - is standard input.
fn read_text(file: &Path) -> Result<String, String> {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    text.map_err(|error| format!("{}: {error}", file.display()))
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| format!("the runtime: {error}"))
}

fn start(settings: Settings) -> Result<(), String> {
    start_log(&settings)?;
    let directory = DataDir::open(&settings.data)?;
    let store = serve::open_store(&settings, &directory, migrations::ALL)?;
    runtime()?.block_on(serve::run(settings, directory, store, environment()))
}

fn start_log(settings: &Settings) -> Result<(), String> {
    let wrong =
        || "log: it should be error, warn, info, debug or a filter such as info,frontdesk_store=debug".to_owned();
    // A word that is no level would be the name of a module, and nothing else would be written.
    let names_a_level = |part: &str| part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok();
    if !settings.log.split(',').map(str::trim).all(|part| part.is_empty() || names_a_level(part)) {
        return Err(wrong());
    }
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log).map_err(|_| wrong())?;
    // The database and HTTP libraries write statements, parameters and headers into their debug lines: bodies and
    // tokens among them. Those lines are never written, whatever the setting says.
    let quiet = ["tokio_postgres", "postgres", "hyper", "hyper_util", "h2", "reqwest", "rustls"];
    // The HTML parser complains about every odd tag that customers send, the MCP library about every odd request.
    let silent = ["html5ever", "rmcp"];
    let directives = quiet.iter().map(|library| format!("{library}=warn"));
    let directives = directives.chain(silent.iter().map(|library| format!("{library}=off")));
    let filter = directives.fold(filter, |filter, directive| match directive.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

/// Has a running server do it, or does it beside a store that nobody has open.
fn operate(place: Place, command: &Command) -> Result<String, String> {
    let settings = place.settings()?;
    if !settings.data.is_dir() && settings.database_url.is_none() {
        return Err(format!("data: there is no data directory {}; name it with --data DIR", settings.data.display()));
    }
    let runtime = runtime()?;
    if let Some(answer) = runtime.block_on(control::ask(&data_dir::socket(&settings.data), command)) {
        return answer;
    }
    let directory = DataDir::open(&settings.data)?;
    let store = serve::open_store(&settings, &directory, migrations::ALL)?;
    let files = Files::open(&directory.attachments()).map_err(|error| format!("data: attachments: {error}"))?;
    let env = environment();
    let outcome = runtime.block_on(async {
        // A wrong key is found out here already, not only when the server starts.
        let seal = data_dir::seal(&store, &env, &settings.secret_key_file).await?;
        let links = Links::new(&seal, &settings.public_url);
        Admin { store: store.clone(), env, files, links }.run(command.clone()).await
    });
    store.close();
    outcome
}

/// Fills the directory in its place, so that its key, its mount and its name are never touched. A mark in it, and one in
/// the database, say until the end that it is not whole.
fn restore(settings: &Settings, file: &Path) -> Result<(), String> {
    let migrations = backup::migrations_of(file)?;
    let directory = DataDir::open_to_restore(&settings.data)?;
    let outcome = serve::open_store(settings, &directory, migrations).and_then(|store| {
        let outcome = runtime()?.block_on(backup::restore(&store, &directory.attachments(), file));
        store.close();
        outcome
    });
    let summary = match outcome {
        Ok(summary) => summary,
        Err(message) => {
            directory.not_restored();
            return Err(message);
        }
    };
    directory.restored()?;
    let mut told = format!("{summary}\n");
    if !settings.secret_key_file.exists() {
        let key = settings.secret_key_file.display();
        told +=
            &format!("Now put the installation's secret.key there, as {key}: it opens the secrets of the backup.\n");
    }
    print(&told)
}

/// Sends a mail to somebody, by the settings alone: neither the server nor its store need to be there.
fn test_mail(settings: Settings, to: &str) -> Result<String, String> {
    let none =
        "smtp-url: it is not set; give it to this command as you give it to serve (--config, environment or flag)";
    let mailer = settings.mailer.ok_or(none)?;
    let env = environment();
    let text = format!("This is a test. Mail of {} goes out by these settings.\n", settings.public_url);
    let (id, subject) = (env.id().hex(), "Frontdesk: test of outgoing mail");
    let mail = Mail { id: &id, at: env.now(), to, subject, text: &text, html: None, unsubscribe_url: None };
    let sent = runtime()?.block_on(mailer.send(&mail));
    let server = &mailer.server;
    sent.map(|()| format!("The mail server {server:?} took a mail to {to}."))
        .map_err(|error| format!("mail server {server:?}: {error}"))
}

fn simulate(settings: &Settings, contents: u64, seed: u64) -> Result<String, String> {
    start_log(settings)?;
    let directory = DataDir::open(&settings.data)?;
    let store = serve::open_store(settings, &directory, migrations::ALL)?;
    let outcome = runtime()?.block_on(simulate::fill(settings, &directory, &store, &environment(), contents, seed));
    store.close();
    outcome
}

fn list_operations() -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("frontdesk-operations-{}", std::process::id()));
    let listed = operations_in(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    print(&listed?)
}

/// The table needs a store to be built; an empty one that goes away again will do.
fn operations_in(folder: &Path) -> Result<String, String> {
    let settings = Given { data: Some(folder.to_owned()), ..Given::default() }.complete()?;
    let directory = DataDir::open(folder)?;
    let store = serve::open_store(&settings, &directory, migrations::ALL)?;
    let runtime = runtime()?;
    let app = runtime.block_on(serve::application(&settings, &directory, &store, &environment()))?;
    let list = frontdesk_rest::list(&serve::operations(&app));
    drop(app);
    store.close();
    Ok(list)
}

fn print_line(text: String) -> Result<(), String> {
    print(&(text + "\n"))
}

/// Writes to standard output; a reader that has seen enough is no failure.
pub(crate) fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}
