//! The main job, from the customer's message to the closed intervention.

use frontdesk_tests::{Cast, Engine, Server};

on_both_engines![the_server_starts];

fn the_server_starts(engine: Engine) {
    let cast = Cast::shared(engine);
    cast.otto.get("/1.0/users/me").ok();
    let mut own = Server::start(engine, &[]);
    own.kill();
    println!("{:?}", own.restart());
    own.stop();
}
