//! What browsers get, inside the program: the files that `make web` builds, and the document of the console.

mod assets;
mod console;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{Method, StatusCode};

pub use assets::{File, address, part};
pub use console::Framing;

/// `/assets/…`, and the console's document at `/` and at the address of each of its screens.
pub fn router(framing: Framing) -> Router {
    let mut router = Router::new().route("/assets/{*rest}", any(asset)).route("/", get(console::document));
    for screen in console::SCREENS {
        let below = format!("/{screen}/{{*rest}}");
        router = router.route(&format!("/{screen}"), get(console::document)).route(&below, get(console::document));
    }
    router.with_state(framing)
}

async fn asset(request: Request) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => assets::answer(request.uri().path(), request.headers()),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
