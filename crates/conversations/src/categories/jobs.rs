//! Deleting a category. What a step can hold loses it within the request; the rest follows in transactions of its own (a
//! timer), so that nobody waits long behind it, and goes on after a restart. The category itself is gone at once.

use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_store::{Tx, args};

/// At most this many objects lose a category in one transaction.
const STEP_OBJECTS_MAX: usize = 1_000;

/// Holds for a category that nobody has deleted.
pub(crate) const IS_THERE: &str = "NOT EXISTS (SELECT 1 FROM category_jobs WHERE category_id = categories.id)";

/// Begins, and for most categories ends.
pub(super) fn begin(tx: &mut dyn Tx, env: &Env, id: Id, heir_id: Option<Id>) -> Result<()> {
    // What waits for this one waits for its heir.
    tx.execute("UPDATE category_jobs SET heir_id = $2 WHERE heir_id = $1", args![&id, &heir_id])?;
    if !step(tx, id, heir_id)? {
        tx.execute(
            "INSERT INTO category_jobs (category_id, heir_id, created_at) VALUES ($1, $2, $3)",
            args![&id, &heir_id, env.now()],
        )?;
        // The one above it can go.
        tx.execute("UPDATE categories SET parent_id = NULL WHERE id = $1", args![&id])?;
    }
    Ok(())
}

/// Whether [`begin`] has left anything.
pub(crate) fn any_due(tx: &mut dyn Tx, _: Timestamp) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM category_jobs LIMIT 1", args![])?.is_some())
}

/// One step of the oldest job, which has its own measure; returns how many there were.
pub(crate) fn advance(tx: &mut dyn Tx, _: &Env, _: i64) -> Result<u64> {
    let sql = "SELECT category_id, heir_id FROM category_jobs ORDER BY created_at, category_id LIMIT 1";
    let Some(row) = tx.first(sql, args![])? else { return Ok(0) };
    step(tx, row.get(0)?, row.get(1)?)?;
    Ok(1)
}

/// Takes a category off the next objects; whether that was all, and it is deleted.
fn step(tx: &mut dyn Tx, id: Id, heir_id: Option<Id>) -> Result<bool> {
    let rows = tx.query(
        "SELECT object_id FROM categorisations WHERE category_id = $1 ORDER BY object_id LIMIT $2",
        args![&id, STEP_OBJECTS_MAX as i64],
    )?;
    let objects = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    if heir_id.is_some() {
        let sql = format!(
            "UPDATE categorisations SET category_id = $2
             WHERE category_id = $1 AND {} AND NOT EXISTS (
               SELECT 1 FROM categorisations AS kept
               WHERE kept.category_id = $2 AND kept.object_id = categorisations.object_id)",
            tx.in_list("object_id", 3)
        );
        tx.execute(&sql, args![&id, &heir_id, &objects])?;
    }
    let sql = format!("DELETE FROM categorisations WHERE category_id = $1 AND {}", tx.in_list("object_id", 2));
    tx.execute(&sql, args![&id, &objects])?;
    if objects.len() == STEP_OBJECTS_MAX {
        return Ok(false);
    }
    tx.execute("DELETE FROM category_jobs WHERE category_id = $1", args![&id])?;
    tx.execute("DELETE FROM user_categories WHERE category_id = $1", args![&id])?;
    tx.execute("DELETE FROM categories WHERE id = $1", args![&id])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::{Desk, id};

    #[tokio::test]
    async fn what_much_carries_goes_in_steps() {
        let desk = Desk::open().await;
        let env = desk.app.env.clone();
        let steps = desk.app.store.write(move |tx| {
            for (number, parent) in [(1, None), (2, Some(id(1)))] {
                tx.execute(
                    "INSERT INTO categories (id, name, parent_id, color, mandatory, multiple, post_qualification,
                       unselectable, source_ids, created_at, updated_at)
                     VALUES ($1, 'Orders', $2, 0, FALSE, FALSE, FALSE, FALSE, '[]', 0, 0)",
                    args![&id(number), &parent],
                )?;
            }
            for number in 0..STEP_OBJECTS_MAX as u64 * 2 + 1 {
                tx.execute(
                    "INSERT INTO categorisations (object_id, category_id, position, object) VALUES ($1, $2, 0, 'content')",
                    args![&id(10 + number), &id(2)],
                )?;
            }
            let left = |tx: &mut dyn Tx| tx.one("SELECT count(*) FROM categorisations", args![])?.get::<i64>(0);
            begin(tx, &env, id(2), None)?;
            let mut steps = vec![left(tx)?];
            // Nothing is below the first one any more.
            begin(tx, &env, id(1), None)?;
            while any_due(tx, env.now())? {
                advance(tx, &env, 1)?;
                steps.push(left(tx)?);
            }
            let categories: i64 = tx.one("SELECT count(*) FROM categories", args![])?.get(0)?;
            steps.push(categories);
            Ok(steps)
        });
        let step = STEP_OBJECTS_MAX as i64;
        assert_eq!(steps.await.unwrap(), [step + 1, 1, 0, 0]);
    }
}
