//! What connecting an account takes, step by step, and how it is tried out.

use super::settings::{CLIENT_ID, CONSUMER_SECRET, REFRESH_TOKEN, USER_ID};
use super::{API, errors};
use crate::Settings;
use crate::connecting::{Connecting, Step, Trial};
use crate::outbound::{Answer, Method, Request};

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
            doc: "Let the account in with the scopes tweet.read, tweet.write, users.read, dm.read, dm.write, \
                  tweet.moderate.write and offline.access, and enter the refresh token as x_refresh_token.",
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
    trials: &[Trial {
        name: "account",
        request: |_| Some(Request::bare(Method::Get, format!("{API}/2/users/me"))),
        judge,
    }],
    sign_in: None,
};

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
