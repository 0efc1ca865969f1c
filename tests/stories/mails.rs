//! Mail that goes out: what is told to whom, and what happens when the mail server does not play along.

use frontdesk_tests::mail::{FakeMailServer, Fault, Moment};
use frontdesk_tests::processes::run;
use frontdesk_tests::server::{fails, frontdesk};

const SENDER: &str = "Frontdesk <desk@example.com>";

#[test]
fn an_operator_checks_the_settings_with_a_mail() {
    let mails = FakeMailServer::start().with_password("desk", "s3cret: /x");
    let url = format!("smtp://desk:s3cret%3A%20%2Fx@{}", mails.address());
    let mut command = frontdesk();
    let command = command.args(["mail", "test", "--to", "otto@example.com", "--mail-from", SENDER]);
    let printed = run(command.env("FRONTDESK_SMTP_URL", &url));
    assert!(printed.contains("otto@example.com") && !printed.contains("s3cret"), "{printed}");
    let letter = mails.wait_for("otto@example.com", 1).remove(0);
    assert_eq!((letter.from.as_str(), letter.header("From").as_str()), ("desk@example.com", SENDER));
    assert_eq!(letter.header("To"), "otto@example.com");
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert!(letter.header("Message-ID").ends_with("@example.com>"));
    assert!(letter.text().contains("http://localhost:8080"), "{}", letter.text());
    assert!(mails.commands().contains(&"EHLO example.com".to_owned()), "{:?}", mails.commands());
}

#[test]
fn an_operator_reads_what_is_wrong_with_the_settings() {
    let mails = FakeMailServer::start().with_password("desk", "right");
    let (place, nobody) = (mails.address(), frontdesk_tests::processes::free_port());
    let test = |url: &str, to: &str| {
        let mut command = frontdesk();
        let output = fails(command.args(["mail", "test", "--to", to, "--smtp-url", url, "--mail-from", SENDER]));
        assert!(output.stdout.is_empty());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (url, to, told) in [
        (format!("smtp://desk:wrong@{place}"), "otto@example.com", "wrong user or password"),
        (format!("smtp://{place}"), "otto@example.com", "530"),
        (format!("smtp://desk:right@{place}"), "otto", "no address"),
        (format!("smtp://desk:right@{place}"), "o@example.com\r\nRCPT TO:<x@example.com>", "no address"),
        (format!("smtp+starttls://desk:right@{place}"), "otto@example.com", "STARTTLS"),
        (format!("smtps://desk:right@{place}"), "otto@example.com", "corrupt message"),
        (format!("smtp://127.0.0.1:{nobody}"), "otto@example.com", "refused"),
        ("smtp://desk:right@mail.example.com".to_owned(), "otto@example.com", "smtp-url"),
    ] {
        let said = test(&url, to);
        assert!(said.contains(told) && !said.contains("right@") && !said.contains(":wrong"), "{url}: {said}");
    }
    for (moment, fault, told) in [
        (Moment::Connected, Fault::Says("554 go away"), "go away"),
        (Moment::Hello, Fault::Closes, "incomplete"),
        (Moment::Sender, Fault::Says("550 not from there"), "not from there"),
        (Moment::Recipient, Fault::Says("550 no such user"), "no such user"),
        (Moment::Data, Fault::Says("451 later"), "later"),
        (Moment::End, Fault::Says("554 looks like advertising"), "advertising"),
    ] {
        mails.fail(moment, fault);
        let said = test(&format!("smtp://desk:right@{place}"), "otto@example.com");
        assert!(said.contains(told), "{moment:?}: {said}");
    }
    let output = fails(frontdesk().args(["mail", "test", "--to", "otto@example.com"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("smtp-url"), "{output:?}");
    // No password went out before the line was encrypted, and no mail was taken.
    assert!(mails.letters().iter().all(|letter| !letter.taken));
}
