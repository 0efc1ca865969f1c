//! The operations on one's own sessions.

use frontdesk_model::{Result, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Tx, args};
use http::Method;

use super::{COLUMNS, Session, end, session};
use crate::settings;

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Sessions";
    vec![
        Operation::read("getAllSessions", Method::GET, "/sessions", list)
            .tag(tag)
            .summary("Lists the caller's own sessions, newest first: where they are signed in.")
            .notes("A session is begun with POST /session: see docs/integrator/signing-in.md.")
            .extension(),
        Operation::write("deleteSession", Method::DELETE, "/sessions/{sessionId}", delete)
            .tag(tag)
            .summary("Ends one of the caller's own sessions: whoever uses it is signed out.")
            .extension(),
    ]
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Session>> {
    let (settings, user_id) = (settings::load(tx)?, call.caller.user_id);
    let count = tx.one("SELECT count(*) FROM sessions WHERE user_id = $1", args![&user_id])?.get(0)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
    );
    let rows = tx.query(&sql, args![&user_id, paging.limit, paging.offset])?;
    let sessions = rows.iter().map(|row| session(row, &settings, call.caller.session_id));
    Ok(Page::new(count, paging, sessions.collect::<Result<_>>()?))
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Session> {
    let (id, user_id) = (call.id("sessionId", "session")?, call.caller.user_id);
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1 AND user_id = $2");
    let row = tx.first(&sql, args![&id, &user_id])?.ok_or_else(|| error::not_found("session"))?;
    let ended = session(&row, &settings::load(tx)?, call.caller.session_id)?;
    end(tx, &call.env, Some(user_id), id, user_id)?;
    Ok(ended)
}
