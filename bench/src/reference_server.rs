//! What HTTP alone costs: axum's own server that answers `/0`, `/1` … with bodies of given sizes.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;

/// Serves until the process is killed; says its address on standard output.
#[expect(clippy::disallowed_methods, reason = "the bare server is what the product's own listener is compared with")]
pub(crate) fn run(sizes: &[usize]) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    let mut router = Router::new();
    for (number, size) in sizes.iter().enumerate() {
        let body = Bytes::from(vec![b'x'; *size]);
        let answer = move || async move { ([(CONTENT_TYPE, "application/json; charset=utf-8")], body) };
        router = router.route(&format!("/{number}"), get(answer));
    }
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
        println!("{}", listener.local_addr().map_err(|error| error.to_string())?);
        let listener = listener.tap_io(|stream| {
            // Only a connection that is gone already refuses this.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await.map_err(|error| error.to_string())
    })
}
