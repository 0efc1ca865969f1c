//! Categories: a tree of labels that threads, contents and interventions carry.

pub(crate) mod jobs;
mod rest;

use std::collections::HashMap;

use frontdesk_model::lists::each_once;
use frontdesk_model::{Id, Result, error};
use frontdesk_store::{Tx, args};

pub(crate) use rest::operations;

/// At most this many categories on one object.
const CATEGORIES_PER_OBJECT_MAX: usize = 100;

/// What can carry categories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Object {
    Thread,
    Content,
    Intervention,
}

impl Object {
    fn as_str(self) -> &'static str {
        match self {
            Object::Thread => "thread",
            Object::Content => "content",
            Object::Intervention => "intervention",
        }
    }
}

/// Gives an object these categories and no others; whether that changed anything. 422 on `attribute` when they do not
/// exist, do not go together, or are not offered on the object's source; what the object carries it may keep.
pub(crate) fn set(
    tx: &mut dyn Tx,
    object: Object,
    object_id: Id,
    source_id: Id,
    category_ids: &[Id],
    attribute: &str,
) -> Result<bool> {
    if category_ids.len() > CATEGORIES_PER_OBJECT_MAX {
        let message = format!("{attribute}: at most {CATEGORIES_PER_OBJECT_MAX} categories.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    let wanted = each_once(category_ids.iter().copied());
    let carried = of(tx, object_id)?;
    if carried.len() == wanted.len() && wanted.iter().all(|id| carried.contains(id)) {
        return Ok(false);
    }
    let branches = Branches::load(tx, &wanted)?;
    let new: Vec<Id> = wanted.iter().copied().filter(|id| !carried.contains(id)).collect();
    if let Some((kind, reason)) = branches.misfit(&wanted).or_else(|| branches.elsewhere(&new, source_id)) {
        return Err(error::invalid(attribute, kind, format!("{attribute}: {reason}.")));
    }
    remove_all(tx, object_id)?;
    for (position, id) in (0_i64..).zip(&wanted) {
        tx.execute(
            "INSERT INTO categorisations (object_id, category_id, position, object) VALUES ($1, $2, $3, $4)",
            args![&object_id, id, position, object.as_str()],
        )?;
    }
    Ok(true)
}

/// 422 on `attribute` unless one object of the source could carry all of these categories.
pub fn require_offered(tx: &mut dyn Tx, source_id: Id, ids: &[Id], attribute: &str) -> Result<()> {
    let wanted = each_once(ids.iter().copied());
    let branches = Branches::load(tx, &wanted)?;
    match branches.misfit(&wanted).or_else(|| branches.elsewhere(&wanted, source_id)) {
        None => Ok(()),
        Some((kind, reason)) => Err(error::invalid(attribute, kind, format!("{attribute}: {reason}."))),
    }
}

/// 422 on `attribute` unless all of these are there.
pub(crate) fn require_known(tx: &mut dyn Tx, ids: &[Id], attribute: &str) -> Result<()> {
    let branches = Branches::load(tx, ids)?;
    match ids.iter().find(|id| !branches.0.contains_key(id)) {
        None => Ok(()),
        Some(unknown) => {
            Err(error::invalid(attribute, "unknown", format!("{attribute}: there is no category {unknown}.")))
        }
    }
}

/// The categories of one object, in the order in which they were given.
pub fn of(tx: &mut dyn Tx, object_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT category_id FROM categorisations WHERE object_id = $1 ORDER BY position, category_id";
    tx.query(sql, args![&object_id])?.iter().map(|row| row.get(0)).collect()
}

/// The categories that a content is told with: its own; if it has none, its intervention's; if that has none, its
/// thread's.
pub(crate) fn told(
    tx: &mut dyn Tx,
    content_id: Option<Id>,
    intervention_id: Option<Id>,
    thread_id: Id,
) -> Result<Vec<Id>> {
    for object_id in [content_id, intervention_id, Some(thread_id)].into_iter().flatten() {
        let found = of(tx, object_id)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The categories that a thread's first content is told with.
pub(crate) fn told_of_first(tx: &mut dyn Tx, thread_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT id, intervention_id FROM contents WHERE thread_id = $1 ORDER BY created_at, id LIMIT 1";
    match tx.first(sql, args![&thread_id])? {
        Some(first) => told(tx, first.get(0)?, first.get(1)?, thread_id),
        None => of(tx, thread_id),
    }
}

/// The categories of many objects, each named once; objects without any are left out.
pub(crate) fn of_many(tx: &mut dyn Tx, object_ids: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let sql = format!(
        "SELECT object_id, category_id FROM {} CROSS JOIN categorisations WHERE object_id = wanted.value
         ORDER BY object_id, position, category_id",
        tx.wanted(1)
    );
    let mut found: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![object_ids])? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

/// Takes every category off an object.
pub(crate) fn remove_all(tx: &mut dyn Tx, object_id: Id) -> Result<()> {
    tx.execute("DELETE FROM categorisations WHERE object_id = $1", args![&object_id])?;
    Ok(())
}

/// Gives a new object the categories that its source is set to. One that was deleted since, or is no longer offered on
/// that source, must not stop a message, so such are skipped.
pub(crate) fn assign_defaults(tx: &mut dyn Tx, object: Object, object_id: Id, source_id: Id, ids: &[Id]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let branches = Branches::load(tx, ids)?;
    let offered = ids.iter().filter(|id| branches.root(**id).is_some_and(|(_, root)| root.is_offered_on(source_id)));
    for (position, id) in (0_i64..).zip(offered) {
        tx.execute(
            "INSERT INTO categorisations (object_id, category_id, position, object) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            args![&object_id, id, position, object.as_str()],
        )?;
    }
    Ok(())
}

/// What the rules need to know of one category.
#[derive(Clone, Debug)]
struct Node {
    name: String,
    parent_id: Option<Id>,
    multiple: bool,
    unselectable: bool,
    /// Where a root and all below it are offered; empty: everywhere.
    source_ids: Vec<Id>,
}

impl Node {
    fn is_offered_on(&self, source_id: Id) -> bool {
        self.source_ids.is_empty() || self.source_ids.contains(&source_id)
    }
}

fn parse_sources(stored: &str) -> Result<Vec<Id>> {
    serde_json::from_str(stored).map_err(|trouble| error::broken(format!("categories.source_ids: {trouble}")))
}

/// Some categories and everything above them.
#[derive(Default)]
struct Branches(HashMap<Id, Node>);

impl Branches {
    /// UNION leaves out rows that it has had, so even a circle would end.
    fn load(tx: &mut dyn Tx, ids: &[Id]) -> Result<Branches> {
        let sql = format!(
            "WITH RECURSIVE branch (id, name, parent_id, multiple, unselectable, source_ids) AS (
               SELECT id, name, parent_id, multiple, unselectable, source_ids FROM categories WHERE {} AND {}
               UNION
               SELECT categories.id, categories.name, categories.parent_id, categories.multiple,
                 categories.unselectable, categories.source_ids
               FROM categories JOIN branch ON categories.id = branch.parent_id)
             SELECT id, name, parent_id, multiple, unselectable, source_ids FROM branch",
            tx.in_list("id", 1),
            jobs::IS_THERE
        );
        let mut nodes = HashMap::new();
        for row in tx.query(&sql, args![ids])? {
            let node = Node {
                name: row.get(1)?,
                parent_id: row.get(2)?,
                multiple: row.get(3)?,
                unselectable: row.get(4)?,
                source_ids: parse_sources(&row.get::<String>(5)?)?,
            };
            nodes.insert(row.get(0)?, node);
        }
        Ok(Branches(nodes))
    }

    fn root(&self, id: Id) -> Option<(Id, &Node)> {
        let mut at = (id, self.0.get(&id)?);
        // No way up is longer than there are nodes.
        for _ in 0..self.0.len() {
            let Some(parent_id) = at.1.parent_id else { return Some(at) };
            at = (parent_id, self.0.get(&parent_id)?);
        }
        None
    }

    /// Why one object cannot carry all of these: a stable word, and the rest of a sentence. `wanted` holds none twice.
    fn misfit(&self, wanted: &[Id]) -> Option<(&'static str, String)> {
        let mut single_roots: Vec<Id> = Vec::new();
        for id in wanted {
            let Some((root_id, root)) = self.root(*id) else {
                return Some(("unknown", format!("there is no category {id}")));
            };
            let is_root = root_id == *id;
            if is_root && root.unselectable {
                return Some((
                    "unselectable",
                    format!("\"{}\" cannot be chosen itself, only what is below it", root.name),
                ));
            }
            if !is_root && !root.multiple {
                if single_roots.contains(&root_id) {
                    return Some(("too_many", format!("only one category below \"{}\" can be chosen", root.name)));
                }
                single_roots.push(root_id);
            }
        }
        None
    }

    /// Why an object on this source cannot be given all of these: a root may be limited to some sources.
    fn elsewhere(&self, wanted: &[Id], source_id: Id) -> Option<(&'static str, String)> {
        let roots = wanted.iter().filter_map(|id| self.root(*id));
        let (_, root) = roots.into_iter().find(|(_, root)| !root.is_offered_on(source_id))?;
        let reason = format!("\"{}\" and what is below it are not offered on this source", root.name);
        Some(("not_offered", reason))
    }

    /// Whether a category is offered wherever another one is.
    fn covers(&self, id: Id, other: Id) -> bool {
        let (Some((_, root)), Some((_, other))) = (self.root(id), self.root(other)) else { return false };
        root.source_ids.is_empty()
            || (!other.source_ids.is_empty() && other.source_ids.iter().all(|id| root.source_ids.contains(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Id {
        Id::from_parts(0, number)
    }

    /// 1 is a plain root over 11 and 12, 12 over 121; 2 allows several, over 21 and 22; 3 is a heading over 31.
    fn branches() -> Branches {
        let node = |number: u64, parent: Option<u64>, multiple, unselectable| {
            let name = format!("Category {number}");
            // The third is for one source.
            let source_ids = if number == 3 { vec![id(90)] } else { Vec::new() };
            (id(number), Node { name, parent_id: parent.map(id), multiple, unselectable, source_ids })
        };
        Branches(HashMap::from([
            node(1, None, false, false),
            node(11, Some(1), false, false),
            node(12, Some(1), false, false),
            node(121, Some(12), false, false),
            node(2, None, true, false),
            node(21, Some(2), false, false),
            node(22, Some(2), false, false),
            node(3, None, false, true),
            node(31, Some(3), false, false),
            node(4, Some(5), false, false),
            node(5, Some(4), false, false),
        ]))
    }

    #[test]
    fn categories_go_together_as_their_roots_say() {
        for (wanted, kind) in [
            (&[][..], None),
            (&[1], None),
            (&[11], None),
            (&[1, 11], None),
            (&[11, 12], Some("too_many")),
            (&[11, 121], Some("too_many")),
            (&[21, 22], None),
            (&[11, 21, 31], None),
            (&[3], Some("unselectable")),
            (&[11, 99], Some("unknown")),
            (&[4], Some("unknown")),
        ] {
            let wanted: Vec<Id> = wanted.iter().copied().map(id).collect();
            assert_eq!(branches().misfit(&wanted).map(|(kind, _)| kind), kind, "{wanted:?}");
        }
    }

    #[test]
    fn what_a_root_is_limited_to_counts_for_all_below_it() {
        assert_eq!(branches().elsewhere(&[id(31), id(11)], id(90)), None);
        assert_eq!(branches().elsewhere(&[id(11), id(31)], id(91)).map(|(kind, _)| kind), Some("not_offered"));
        assert!(branches().covers(id(11), id(31)) && branches().covers(id(31), id(3)));
        assert!(!branches().covers(id(31), id(11)));
    }

    #[test]
    fn a_refusal_names_the_category() {
        assert_eq!(
            branches().misfit(&[id(11), id(12)]).unwrap().1,
            "only one category below \"Category 1\" can be chosen"
        );
    }
}
