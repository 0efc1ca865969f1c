//! Push: an app's user is told of an answer while the app is away. A consumer of the log ([`Noting`])
//! notes what has to be told on which device; one worker for each push service tells it, so that a slow one delays
//! nobody else.
//!
//! A notification goes out at least once: what was sent and could not be written down goes out again, under the id of its
//! message, so that it takes the place of the first on the screen. A device with an open stream is told only of what is
//! still unread some seconds later: a phone that lost its network looks connected for a while.

mod noting;
mod sending;
mod signing_in;
mod text;

pub(crate) use noting::Noting;
pub(crate) use sending::Sending;
