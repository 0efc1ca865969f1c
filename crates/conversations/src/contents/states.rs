//! The changes of a content's state, all of them; ingest and the commands that write a content give it its
//! first. A customer's content is `new`, `assigned` once somebody engages, `replied` once they answer, `new` again when
//! it is handed over, and `ignored` when nobody is to; one of ours is `user_reply` or `user_initiated` and stays so.

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_store::{Tx, args};

/// Nobody is to answer these customers' contents.
pub(crate) fn ignore(tx: &mut dyn Tx, ids: &[Id], now: Timestamp) -> Result<()> {
    let sql = format!("UPDATE contents SET status = 'ignored', updated_at = $2 WHERE {}", tx.in_list("id", 1));
    tx.execute(&sql, args![ids, now])?;
    Ok(())
}

/// Everything of a customer that waits in a thread is somebody's from now on.
pub(crate) fn assign(tx: &mut dyn Tx, thread_id: Id, author_id: Id, intervention_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE contents SET intervention_id = $3,
           status = CASE WHEN status = 'new' THEN 'assigned' ELSE status END, updated_at = $4
         WHERE thread_id = $1 AND author_id = $2 AND creator_id IS NULL AND intervention_id IS NULL",
        args![&thread_id, &author_id, &intervention_id, now],
    )?;
    Ok(())
}

/// What waits under an intervention is nobody's until somebody takes it: at least the customer's latest content, however
/// it was answered, or nobody would see that they wait.
pub(crate) fn hand_over(tx: &mut dyn Tx, intervention_id: Id, now: Timestamp) -> Result<()> {
    let waiting = tx.execute(
        "UPDATE contents SET status = 'new', updated_at = $2 WHERE intervention_id = $1 AND status = 'assigned'",
        args![&intervention_id, now],
    )?;
    if waiting == 0 {
        tx.execute(
            "UPDATE contents SET status = 'new', updated_at = $2 WHERE id =
               (SELECT id FROM contents WHERE intervention_id = $1 AND status = 'replied'
                ORDER BY created_at DESC, id DESC LIMIT 1)",
            args![&intervention_id, now],
        )?;
    }
    Ok(())
}

/// Somebody has taken an intervention that was nobody's, and with it what waits under it.
pub(crate) fn take(tx: &mut dyn Tx, intervention_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE contents SET status = 'assigned', updated_at = $2 WHERE intervention_id = $1 AND status = 'new'",
        args![&intervention_id, now],
    )?;
    Ok(())
}

/// Everything that waits under an intervention has its answer.
pub(crate) fn answer(tx: &mut dyn Tx, intervention_id: Id, at: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE contents SET status = 'replied', updated_at = $2 WHERE intervention_id = $1 AND status = 'assigned'",
        args![&intervention_id, at],
    )?;
    Ok(())
}

/// An intervention goes: what waits under it is nobody's again.
pub(crate) fn release(tx: &mut dyn Tx, intervention_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE contents SET intervention_id = NULL, updated_at = $2,
           status = CASE WHEN status = 'assigned' THEN 'new' ELSE status END
         WHERE intervention_id = $1",
        args![&intervention_id, now],
    )?;
    Ok(())
}
