//! The stories: what people and programs do with Frontdesk, over real sockets, on both engines.

#[macro_use]
mod engines;

mod main_path;
