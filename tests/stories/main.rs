//! The stories: what people and programs do with Frontdesk, over real sockets, on both engines.

#[macro_use]
mod engines;

mod access_tokens;
mod account_settings;
mod approval;
mod attachments;
mod backup;
mod categories;
mod comments;
mod contents;
mod contract;
mod custom_fields;
mod deferring;
mod delivery;
mod documentation;
mod events;
mod folders;
mod hostile;
mod house;
mod identities;
mod identity_groups;
mod import;
mod interventions;
mod locales;
mod main_path;
mod matrix;
mod muting;
mod operating;
mod permissions;
mod rest;
mod roles;
mod scheduling;
mod schemathesis;
mod send_api;
mod settings;
mod signatures;
mod simulate;
mod sources;
mod sources_permissions;
mod tags;
mod teams;
mod threads;
mod time_sheets;
mod uniqueness;
mod users;
