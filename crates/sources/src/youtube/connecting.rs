//! What connecting a channel takes, step by step, and how it is tried out.

use frontdesk_model::Secret;

use super::asking::{account, token_request};
use super::inbound::read_account;
use super::settings::{CHANNEL_ID, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN};
use crate::Settings;
use crate::connecting::{Connecting, Exchange, SignIn, Step, Trial, Trip};
use crate::oauth;
use crate::outbound::{Answer, Request};

/// Where people let an app in.
const DIALOG: &str = "https://accounts.google.com/o/oauth2/v2/auth";
/// What they let it do.
const SCOPE: &str = "https://www.googleapis.com/auth/youtube.force-ssl";

/// How a channel is connected.
pub(super) static CHANNEL: Connecting = Connecting {
    steps: &[
        Step {
            name: "project",
            doc: "In the Google Cloud console, make a project, turn on the YouTube Data API v3 in it, and make an OAuth client \
                  ID of type Web application. Enter the client's ID and secret as youtube_client_id and \
                  youtube_client_secret.",
            settings: &[CLIENT_ID, CLIENT_SECRET],
        },
        Step { name: "channel", doc: "Enter the channel's id as youtube_channel_id.", settings: &[CHANNEL_ID] },
        Step {
            name: "token",
            doc: "Let Google give out a token: authorize the connection, enter redirect_uri of the answer in the client as an \
                  authorized redirect URI, open its url signed in as the channel's account, and complete the connection with \
                  what Google sends you back with. Or get a refresh token yourself, with the scope youtube.force-ssl, and \
                  enter it as youtube_refresh_token. Publish the project's consent screen: while it is in testing, tokens \
                  end after seven days.",
            settings: &[REFRESH_TOKEN],
        },
    ],
    trials: &[Trial { name: "account", request: |_| Some(account()), judge }],
    sign_in: Some(SignIn {
        dialog,
        exchanges: &[Exchange { request: for_code, read: read_tokens }, Exchange { request: whose, read: if_ours }],
        setting: REFRESH_TOKEN,
    }),
};

fn dialog(settings: &Settings, trip: &Trip, state: &str) -> Result<String, String> {
    let client_id = settings.text(CLIENT_ID).filter(|_| settings.secret(CLIENT_SECRET).is_some());
    let client_id = client_id.ok_or("Enter youtube_client_id and youtube_client_secret first.")?;
    let query = [
        ("client_id", client_id),
        ("redirect_uri", trip.redirect_uri.as_str()),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", state),
        // A refresh token is given out for access without the person, and once, unless they are asked again.
        ("access_type", "offline"),
        ("prompt", "consent"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    Ok(format!("{DIALOG}?{query}"))
}

fn for_code(settings: &Settings, trip: &Trip, code: &Secret) -> Option<Request> {
    let fields = [("grant_type", "authorization_code"), ("code", code.reveal()), ("redirect_uri", &trip.redirect_uri)];
    token_request(settings, &fields).ok()
}

fn read_tokens(_: &Settings, _: &Secret, answer: &Answer) -> Result<Secret, String> {
    let both = oauth::read_both("Google", answer)?;
    // People may let an app in and leave out what it asks for.
    let told = answer.json();
    match told["scope"].as_str() {
        Some(scope) if !scope.split(' ').any(|one| one == SCOPE) => {
            Err("Whoever let us in left out the right to see and manage comments: begin again, and tick it.".into())
        }
        _ => Ok(both),
    }
}

/// Whose the tokens are: nobody answers as another channel by a slip.
fn whose(_: &Settings, _: &Trip, given: &Secret) -> Option<Request> {
    let (token, _) = oauth::both(given)?;
    Some(account().with_bearer(&token))
}

fn if_ours(settings: &Settings, given: &Secret, answer: &Answer) -> Result<Secret, String> {
    judge(settings, answer)?;
    oauth::both(given).map(|(_, refresh_token)| refresh_token).ok_or_else(|| "Google gave out no token.".into())
}

fn judge(settings: &Settings, answer: &Answer) -> Result<(), String> {
    let account = read_account(answer).map_err(|failure| failure.message)?;
    let account =
        account.ok_or("The connected Google account has no YouTube channel: connect the channel's account.")?;
    account.is(settings.text(CHANNEL_ID).unwrap_or_default())
}
