//! Settings by file, environment and flags: which wins, and how wrong ones are refused.

use std::process::Command;

use frontdesk_tests::http::Request;
use frontdesk_tests::server::{Launch, fails, frontdesk};
use frontdesk_tests::{Engine, Server, processes};

fn refusal(command: &mut Command) -> String {
    let output = fails(command);
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn serve() -> Command {
    let mut command = frontdesk();
    command.args(["serve", "--data"]).arg(processes::folder("unused"));
    command
}

#[test]
fn a_wrong_flag_is_refused_by_its_name_and_what_it_should_be() {
    for (flag, value, told) in [
        ("--listen", "8080", "--listen"),
        ("--listen", "nowhere:port", "--listen"),
        ("--rate-limit", "many", "--rate-limit"),
        ("--rate-limit", "-1", "--rate-limit"),
        ("--allow-outbound", "10.0.0.0/99", "--allow-outbound"),
        ("--trusted-proxy", "localhost", "--trusted-proxy"),
        ("--database-url", "mysql://x", "database-url"),
        ("--public-url", "desk.example.com", "public-url"),
        ("--public-url", "https://desk.example.com/path", "public-url"),
        ("--connections-max", "0", "connections-max"),
        ("--log-days", "0", "log-days"),
        ("--log", "[", "log"),
        ("--log", "loud", "log: it should be"),
        ("--log", "info,loud", "log: it should be"),
        ("--log", "frontdesk_store=loud", "log: it should be"),
        ("--log-format", "xml", "--log-format"),
        ("--demo", "maybe", "--demo"),
        ("--colour", "blue", "--colour"),
        ("--config", "/does/not/exist.toml", "config"),
    ] {
        let said = refusal(serve().arg(format!("{flag}={value}")));
        assert!(said.contains(told), "{flag} {value}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_wrong_environment_variable_is_refused_by_its_name() {
    for (name, value, told) in [
        ("FRONTDESK_LISTEN", "8080", "listen"),
        ("FRONTDESK_RATE_LIMIT", "many", "rate-limit"),
        ("FRONTDESK_DATABASE_URL", "mysql://x", "database-url"),
        ("FRONTDESK_ALLOW_OUTBOUND", "everything", "allow-outbound"),
    ] {
        let said = refusal(serve().env(name, value));
        assert!(said.contains(told), "{name}: {said}");
    }
}

#[test]
fn a_wrong_configuration_file_is_refused_with_the_place() {
    for (text, told) in [
        ("listen = 8080", "listen"),
        ("colour = \"blue\"", "colour"),
        ("listen = ", "config"),
        ("rate_limit = -5", "rate_limit"),
        ("database_url = \"mysql://x\"", "database-url"),
    ] {
        let file = processes::folder("configuration").join("frontdesk.toml");
        processes::write_private(&file, text);
        let said = refusal(serve().arg("--config").arg(&file));
        assert!(said.contains(told), "{text}: {said}");
    }
}

#[test]
fn a_password_in_a_wrong_database_address_is_not_shown() {
    let said = refusal(serve().env("FRONTDESK_DATABASE_URL", "postgres://u:hunter2secret@127.0.0.1:1/x"));
    assert!(!said.contains("hunter2secret"), "{said}");
    assert!(said.contains("PostgreSQL at 127.0.0.1:1: ") && said.contains("refused"), "{said}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let throttled_at = |server: &Server| -> usize {
        let request = Request::new("GET", "/1.0/users/me").token(server.token());
        (0..10).take_while(|_| server.send(&request).status == 200).count()
    };
    let file = processes::folder("configuration").join("frontdesk.toml");
    processes::write_private(&file, "rate_limit = 2\nlog_format = \"json\"\n");
    let config = file.to_str().unwrap();
    let by_file = Launch::new(Engine::Sqlite).only(&["--config", config]).start();
    assert_eq!(throttled_at(&by_file), 2);
    let by_environment =
        Launch::new(Engine::Sqlite).only(&["--config", config]).env("FRONTDESK_RATE_LIMIT", "3").start();
    assert_eq!(throttled_at(&by_environment), 3);
    let by_flag = Launch::new(Engine::Sqlite)
        .only(&["--config", config, "--rate-limit", "4"])
        .env("FRONTDESK_RATE_LIMIT", "3")
        .start();
    assert_eq!(throttled_at(&by_flag), 4);
}

#[test]
fn help_names_every_command_and_every_setting() {
    let help = processes::run(frontdesk().arg("--help"));
    for command in ["serve", "token", "mail", "backup", "restore", "simulate", "config", "operations"] {
        assert!(help.contains(command), "{help}");
    }
    let help = processes::run(frontdesk().args(["serve", "--help"]));
    let file = processes::run(frontdesk().arg("config"));
    for setting in [
        "data",
        "listen",
        "database-url",
        "public-url",
        "demo",
        "rate-limit",
        "allow-outbound",
        "trusted-proxy",
        "smtp-url",
        "mail-from",
        "secret-key-file",
        "connections-max",
        "log-days",
        "log",
        "log-format",
    ] {
        let variable = format!("FRONTDESK_{}", setting.to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("--{setting}")) && help.contains(&variable), "{setting}");
        assert!(file.contains(&format!("# {} = ", setting.replace('-', "_"))), "{setting}");
    }
    for words in [&["token", "create"][..], &["backup"], &["restore"]] {
        let help = processes::run(frontdesk().args(words).arg("--help"));
        assert!(help.contains("--data"), "{help}");
    }
    assert!(processes::run(frontdesk().arg("--version")).starts_with("frontdesk "));
}

#[test]
fn the_printed_configuration_file_is_accepted_as_it_is() {
    let file = processes::folder("configuration").join("frontdesk.toml");
    processes::write_private(&file, &processes::run(frontdesk().arg("config")));
    Launch::new(Engine::Sqlite).only(&["--config", file.to_str().unwrap()]).start();
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = refusal(serve().arg("--listen").arg(taken.local_addr().unwrap().to_string()));
    assert!(said.contains("listen"), "{said}");
}
