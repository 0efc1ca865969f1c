//! What connecting an account takes, step by step, and how it is tried out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_model::Secret;
use ring::digest;

use super::outbound::token_request;
use super::settings::{CLIENT_ID, CONSUMER_SECRET, REFRESH_TOKEN, USER_ID};
use super::{API, errors};
use crate::Settings;
use crate::connecting::{Connecting, Exchange, SignIn, Step, Trial, Trip};
use crate::oauth;
use crate::outbound::{Answer, Method, Request};

/// Where people let an app in.
const DIALOG: &str = "https://x.com/i/oauth2/authorize";
/// What they let it do.
const SCOPES: &str =
    "tweet.read tweet.write users.read dm.read dm.write tweet.moderate.write media.write offline.access";

/// How an account is connected.
pub(super) static ACCOUNT: Connecting = Connecting {
    steps: &[
        Step {
            name: "app",
            doc: "Make an app at developer.x.com, with OAuth 2.0 and the rights to read and write posts and direct messages. \
                  Enter its API secret as x_consumer_secret and its OAuth 2.0 client ID as x_client_id; of a confidential \
                  client also the secret, as x_client_secret.",
            settings: &[CONSUMER_SECRET, CLIENT_ID],
        },
        Step { name: "account", doc: "Enter the account's number as x_user_id.", settings: &[USER_ID] },
        Step {
            name: "token",
            doc: "Let X give out a token: authorize the connection, enter redirect_uri of the answer in the app as a callback \
                  address, open its url signed in to X as the account, and complete the connection with what X sends you \
                  back with, at once: X takes it for half a minute. Or get a refresh token yourself, with the scopes \
                  tweet.read, tweet.write, users.read, dm.read, dm.write, tweet.moderate.write, media.write and \
                  offline.access, and enter it as x_refresh_token.",
            settings: &[REFRESH_TOKEN],
        },
        Step {
            name: "webhook",
            doc: "Register callback_url as a webhook of the app (POST /2/webhooks), and subscribe to what you need of the \
                  account (POST /2/activity/subscriptions): post.mention.create, post.reply.create, post.quote.create, \
                  post.delete, dm.received and dm.sent.",
            settings: &[],
        },
    ],
    trials: &[Trial { name: "account", request: |_| Some(account()), judge }],
    sign_in: Some(SignIn {
        dialog,
        exchanges: &[
            Exchange { request: for_code, read: |_, _, answer| oauth::read_both("X", answer) },
            Exchange { request: whose, read: if_ours },
        ],
        setting: REFRESH_TOKEN,
    }),
};

fn dialog(settings: &Settings, trip: &Trip, state: &str) -> Result<String, String> {
    let client_id = settings.text(CLIENT_ID).ok_or("Enter x_client_id first.")?;
    let hash = digest::digest(&digest::SHA256, trip.verifier.reveal().as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(hash);
    let query = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", trip.redirect_uri.as_str()),
        ("scope", SCOPES),
        ("state", state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    // The service reads a space that is written as in paths only.
    Ok(format!("{DIALOG}?{}", query.replace('+', "%20")))
}

fn for_code(settings: &Settings, trip: &Trip, code: &Secret) -> Option<Request> {
    token_request(
        settings,
        &[
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("redirect_uri", &trip.redirect_uri),
            ("code_verifier", trip.verifier.reveal()),
        ],
    )
}

fn account() -> Request {
    Request::bare(Method::Get, format!("{API}/2/users/me"))
}

/// Whose the tokens are: nobody answers as another account by a slip.
fn whose(_: &Settings, _: &Trip, given: &Secret) -> Option<Request> {
    let (token, _) = oauth::both(given)?;
    Some(account().with_bearer(&token))
}

fn if_ours(settings: &Settings, given: &Secret, answer: &Answer) -> Result<Secret, String> {
    judge(settings, answer)?;
    oauth::both(given).map(|(_, refresh_token)| refresh_token).ok_or_else(|| "X gave out no token.".into())
}

fn judge(settings: &Settings, answer: &Answer) -> Result<(), String> {
    if !answer.is_success() {
        return Err(errors::failure(answer).message);
    }
    let told = answer.json();
    let id = told["data"]["id"].as_str().unwrap_or_default();
    match settings.text(USER_ID) {
        Some(wanted) if wanted == id => Ok(()),
        wanted => {
            Err(format!("The token is of the account {id}, not of {}.", wanted.unwrap_or("the one in x_user_id")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate_settings;

    #[test]
    fn the_way_to_x_tells_what_only_we_know_as_its_hash() {
        // RFC 7636, appendix B.
        let trip = Trip {
            redirect_uri: "https://desk.example/channels/return".into(),
            verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        };
        let given = json!({"x_user_id": "1", "x_client_id": "c"});
        let settings = validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap();
        let url = dialog(&settings, &trip, "s").unwrap();
        assert!(url.starts_with("https://x.com/i/oauth2/authorize?response_type=code&client_id=c&"), "{url}");
        assert!(url.contains("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"), "{url}");
        assert!(url.contains("scope=tweet.read%20") && !url.contains("dBjft"), "{url}");
        let request = for_code(&settings, &trip, &Secret::new("k")).unwrap();
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.contains("code_verifier=dBjft") && body.contains("client_id=c"), "{body}");
        assert!(dialog(&Settings::default(), &trip, "s").unwrap_err().contains("x_client_id"));
    }
}
