//! The way that a search takes. Each of its conditions can be followed from an index to the rows, or asked of a row; what
//! is cheaper depends on how many rows match, which nobody knows beforehand. So it looks: a condition that leads to few
//! rows is followed, and those are asked for the others. When each leads to many, the list is walked in growing windows
//! until the page is full or following the narrowest condition has become cheaper.

use std::time::Instant;

use frontdesk_model::{Id, Result};

use super::{Filter, Owned, Piece};
use crate::engine::{READ_SECONDS_MAX, too_broad};
use crate::tx::Tx;
use crate::value::{Arg, Row};

/// The rows that a condition leads to are looked up one by one when they are this few in any store.
const FEW_ROWS: i64 = 5_000;
/// In a large store, and for a page far behind, more are few: up to this, or up to so many pages.
const FEW_ROWS_MAX: i64 = 10_000;
const FEW_PAGES: i64 = 4;
/// When many rows match each condition, the page is looked for among the first rows of the list: so many, or so many
/// pages. Then in as many more, and so on, each time this many times more.
const WINDOW_ROWS: i64 = 2_500;
const WINDOW_PAGES: i64 = 4;
const WINDOW_GROWTH: i64 = 4;
/// Asking a row of the list costs less than looking up a row that a condition leads to, by about this.
const ASKED_PER_LOOKED_UP: i64 = 2;
/// When the page is among the first windows of this many rows, matches behind it are counted too, so many in all.
const COUNTED_WITHIN: i64 = 10_000;
const COUNTED: i64 = 100;
/// So many entries of an index are read to know what came last.
pub(crate) const LATEST_ENTRIES: i64 = 400;
/// Whether a SELECT finds something, as a value.
pub(crate) const FIRST: &str = "coalesce(({} LIMIT 1), FALSE)";
/// So many of the first rows are asked for each condition, to see which refuses the most.
const SAMPLED_ROWS: i64 = 64;
/// Pages that begin later are found by their ids first: what else a row holds is not read for those before.
const DEEP_OFFSET: i64 = 1_000;

/// A condition that an index can answer, in both directions.
#[derive(Clone, Debug)]
pub struct Route {
    /// SELECT of something for each row of the index.
    entries: Piece,
    /// SELECT of the ids of all rows that match, AS id; some may come twice.
    all: Piece,
    /// Whether the row at hand matches.
    pub(super) one: Piece,
    latest: Option<Latest>,
    knows_latest: bool,
    /// FROM and WHERE of the list's own rows that match, where the index leads to them without their ids.
    rows: Option<Piece>,
}

/// What came last of what an index leads to. Who knows that can tell of most of a list's first rows whether they match
/// without reading them.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    /// SELECT of the entry's number and the id of its row, of the [`LATEST_ENTRIES`] highest numbers.
    pub(crate) entries: Piece,
    /// The column that holds those ids.
    pub(crate) column: String,
    /// The list's column with the lowest number of a row's entries. The index of the list's order holds it.
    pub(crate) first: String,
    /// Whether the row at hand matches by an entry below a number, its first value.
    pub(crate) older: Piece,
}

impl Route {
    /// `all` selects the ids of all rows that match, AS id, one for each row that `entries` selects; `one` selects
    /// something if the row at hand matches.
    pub fn new(entries: Piece, all: Piece, one: &Piece) -> Route {
        // As a value, not EXISTS: PostgreSQL would make that a join, and read all of the other table for a page of 30.
        Route { entries, all, one: one.clone().within(FIRST), latest: None, knows_latest: false, rows: None }
    }

    /// Through the rows of `from` where `condition` holds; `key` is their column that holds the `column` of the list.
    pub fn through(from: &str, key: &str, column: &str, condition: &Piece) -> Route {
        let entries = condition.clone().within(&format!("SELECT 1 FROM {from} WHERE {{}}"));
        let all = condition.clone().within(&format!("SELECT {key} AS id FROM {from} WHERE {{}}"));
        let one = condition.clone().within(&format!("SELECT TRUE FROM {from} WHERE {key} = {column} AND {{}}"));
        Route::new(entries, all, &one)
    }

    /// A condition on the row itself: `all` selects the ids.
    pub fn plain(all: Piece, condition: Piece) -> Route {
        Route::of_row(all.clone(), all, condition)
    }

    /// The same, when `entries` is cheaper to count than `all`.
    pub fn of_row(entries: Piece, all: Piece, condition: Piece) -> Route {
        Route { entries, all, one: condition, latest: None, knows_latest: false, rows: None }
    }

    /// The same; `rows` are FROM and WHERE of the list's rows that match.
    pub(crate) fn with_rows(self, rows: Piece) -> Route {
        Route { rows: Some(rows), ..self }
    }

    /// The same, when its entries are numbered as they come.
    pub(crate) fn with_latest(self, latest: Latest) -> Route {
        Route { latest: Some(latest), ..self }
    }

    /// The same, when many rows will be asked: reads what came last.
    fn for_many(mut self, tx: &mut dyn Tx) -> Result<Route> {
        let Some(Latest { entries, column, first, mut older }) = self.latest.take() else { return Ok(self) };
        let values: Vec<Arg> = entries.values.iter().map(Owned::arg).collect();
        let (mut ids, mut lowest, mut count) = (Vec::new(), i64::MAX, 0);
        tx.each(&entries.numbered(0), &values, &mut |row| {
            lowest = lowest.min(row.get(0)?);
            ids.push(row.get(1)?);
            count += 1;
            Ok(())
        })?;
        ids.sort_unstable();
        ids.dedup();
        older.values.insert(0, lowest.into());
        // The plus keeps SQLite from reading the ids' index in place of the list's.
        let is_latest = Piece::one_of(tx.dialect(), &format!("+{column}"), &ids);
        self.one = match count < LATEST_ENTRIES {
            true => is_latest,
            false => {
                // By itself, so that SQLite asks it first, of the list's index: rows that are newer are not read.
                let may_be = Piece::new(format!("(+{first} < ? OR "), vec![lowest.into()]);
                let may_be = may_be.followed_by(is_latest.clone().within("{})"));
                may_be.and(is_latest.within("({} OR ").followed_by(older.within("{})")))
            }
        };
        self.knows_latest = true;
        Ok(self)
    }
}

/// The order of a list: by a moment, then by id.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The column of the moment, with its table.
    pub moment: &'static str,
    /// The column of the id, with its table.
    pub id: &'static str,
    /// Oldest first.
    pub ascending: bool,
}

impl std::fmt::Display for Order {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.ascending {
            true => write!(formatter, "{}, {}", self.moment, self.id),
            false => write!(formatter, "{} DESC, {} DESC", self.moment, self.id),
        }
    }
}

/// A list that is searched.
#[derive(Clone, Copy, Debug)]
pub struct Searched<'s> {
    /// Its table.
    pub table: &'s str,
    /// Everything up to WHERE.
    pub select: &'s str,
    /// Its order, which an index has.
    pub order: Order,
    /// How many rows it has in all.
    pub rows: i64,
    /// How many rows match, where that is known already.
    pub count: Option<i64>,
}

impl Filter<'_> {
    /// A page of a search, and how many rows match: exactly when there are few, else a lower bound that is more than
    /// `offset + limit` while records follow. What it costs depends on the page and on how the matches are spread, hardly
    /// on how many rows there are.
    pub fn search(mut self, tx: &mut dyn Tx, list: &Searched, offset: i64, limit: i64) -> Result<(i64, Vec<Row>)> {
        let wanted = offset.saturating_add(limit);
        let routes = std::mem::take(&mut self.routes);
        let is_simple = routes.is_empty();
        // Cheap ones first: a row that one refuses is not asked for the next.
        let mut ways: Vec<Vec<Route>> = std::mem::take(&mut self.own).into_iter().map(|own| vec![own]).collect();
        ways.extend(routes);
        if is_simple {
            return self.through_all(&ways).whole(tx, list, offset, limit);
        }
        // Walking the list to the end of the page meets rows / matches rows for each match: below the square root
        // looking up the matches costs less.
        let even = (list.rows.max(1) as f64 * wanted.max(1) as f64).sqrt() as i64;
        let few = even.clamp(FEW_ROWS, FEW_ROWS_MAX.max(wanted.saturating_mul(FEW_PAGES)));
        if let Some(place) = narrowest(tx, &ways, few)? {
            return self.along(tx, list, &ways, place, offset, limit);
        }
        // Many rows match each condition. Most likely some of the first rows of the list match all.
        for way in &mut ways {
            *way = std::mem::take(way).into_iter().map(|route| route.for_many(tx)).collect::<Result<_>>()?;
        }
        let asked = self.clone().through_all(&self.by_refusals(tx, list, &ways)?);
        let began = Instant::now();
        let mut found: Vec<Id> = Vec::new();
        let mut window = WINDOW_ROWS.max(wanted.saturating_mul(WINDOW_PAGES));
        let (mut edge, mut walked) = (None, 0);
        // Each leads to more than so many.
        let mut counted = few;
        loop {
            let next = list.row_at(tx, edge.as_ref(), window - walked)?;
            let mut within = asked.clone();
            within.between(list, edge.as_ref(), next.as_ref());
            let counted_to = if window <= COUNTED_WITHIN { wanted.max(COUNTED) } else { wanted };
            let missing = counted_to + 1 - found.len() as i64;
            for row in within.page(tx, &list.ids(), &list.order.to_string(), 0, missing)? {
                found.push(row.get(0)?);
            }
            let is_full = found.len() as i64 > wanted;
            let is_over = match &next {
                Some(next) => !is_full && self.is_over(tx, list, next)?,
                None => true,
            };
            if is_full || is_over {
                break;
            }
            if began.elapsed().as_secs() >= READ_SECONDS_MAX {
                return Err(too_broad());
            }
            let worth = window / ASKED_PER_LOOKED_UP;
            if worth > counted {
                if let Some(place) = narrowest(tx, &ways, worth)? {
                    return self.along(tx, list, &ways, place, offset, limit);
                }
                counted = worth;
            }
            (edge, walked, window) = (next, window, window.saturating_mul(WINDOW_GROWTH));
        }
        let count = list.count.unwrap_or(found.len() as i64);
        Ok((count, list.rows_of(tx, found.into_iter(), offset, limit)?))
    }

    /// Asks every row for these conditions.
    fn through_all(mut self, ways: &[Vec<Route>]) -> Self {
        ways.iter().for_each(|any| self.and_routes(any.clone(), ""));
        self
    }

    /// The ways, those first that refuse the most of the first rows: a row that one refuses is not asked for the next.
    fn by_refusals(&self, tx: &mut dyn Tx, list: &Searched, ways: &[Vec<Route>]) -> Result<Vec<Vec<Route>>> {
        let edge = list.row_at(tx, None, SAMPLED_ROWS)?;
        let mut counted = Vec::with_capacity(ways.len());
        for way in ways {
            let mut within = self.clone().through_all(std::slice::from_ref(way));
            within.between(list, None, edge.as_ref());
            counted.push((within.count_to(tx, list.table, SAMPLED_ROWS)?, way.clone()));
        }
        // Of equal ones that first which knows what came last: it need not read the rows behind.
        counted.sort_by_key(|(matches, way)| (*matches, !way.iter().all(|route| route.knows_latest)));
        Ok(counted.into_iter().map(|(_, way)| way).collect())
    }

    /// A page of the rows that one of the ways leads to, which are asked for the others, and how many match.
    fn along(
        mut self,
        tx: &mut dyn Tx,
        list: &Searched,
        ways: &[Vec<Route>],
        place: usize,
        offset: i64,
        limit: i64,
    ) -> Result<(i64, Vec<Row>)> {
        let (before, after) = ways.split_at(place);
        let mut rows = Piece::new(format!("{} WHERE TRUE", list.table), Vec::new());
        if let Some((way, after)) = after.split_first() {
            match &way[..] {
                [Route { rows: Some(own), .. }] => rows = own.clone(),
                _ => {
                    let ids = ids_of(tx, way)?;
                    self.and_piece(Piece::one_of(tx.dialect(), &format!("{}.id", list.table), &ids));
                }
            }
            self = self.through_all(before).through_all(after);
        }
        // They are few: all at once, since asking each for the count and again for the page takes twice as long.
        let Order { moment, id, ascending } = list.order;
        let condition = self.condition();
        let mut values = self.values();
        let rows_at = rows.numbered(values.len());
        values.extend(rows.values.iter().map(Owned::arg));
        let sql = format!("SELECT {moment}, {id} FROM {rows_at} AND {condition}");
        let mut found: Vec<(i64, Id)> = Vec::new();
        tx.each(&sql, &values, &mut |row| {
            found.push((row.get(0)?, row.get(1)?));
            Ok(())
        })?;
        found.sort_unstable();
        if !ascending {
            found.reverse();
        }
        let count = list.count.unwrap_or(found.len() as i64);
        Ok((count, list.rows_of(tx, found.into_iter().map(|(_, id)| id), offset, limit)?))
    }

    /// Only the rows behind `edge`, up to `next`.
    fn between(&mut self, list: &Searched, edge: Option<&Edge>, next: Option<&Edge>) {
        if let Some(edge) = edge {
            self.and_piece(list.side(edge, false));
        }
        if let Some(next) = next {
            self.and_piece(list.side(next, true));
        }
    }

    fn whole(&self, tx: &mut dyn Tx, list: &Searched, offset: i64, limit: i64) -> Result<(i64, Vec<Row>)> {
        let count = match list.count {
            Some(count) => count,
            None => self.count(tx, list.table, offset, limit)?,
        };
        let order = list.order.to_string();
        if offset <= DEEP_OFFSET {
            return Ok((count, self.page(tx, list.select, &order, offset, limit)?));
        }
        let ids = self.page(tx, &list.ids(), &order, offset, limit)?;
        let ids = ids.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
        let mut rows = Filter::default();
        rows.and_piece(Piece::one_of(tx.dialect(), &format!("{}.id", list.table), &ids));
        Ok((count, rows.page(tx, list.select, &order, 0, limit)?))
    }

    /// Whether no row beyond the edge meets the conditions on the rows themselves.
    fn is_over(&self, tx: &mut dyn Tx, list: &Searched, edge: &Edge) -> Result<bool> {
        let mut beyond = self.clone();
        beyond.and_piece(list.side(edge, false));
        let values = beyond.values();
        let sql = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", list.table, beyond.condition());
        Ok(tx.first(&sql, &values)?.is_none())
    }
}

/// A row of a list: its moment and id.
struct Edge(i64, Id);

impl Searched<'_> {
    /// Everything up to WHERE of a list of ids.
    fn ids(&self) -> String {
        format!("SELECT {0}.id FROM {0}", self.table)
    }

    /// The page of these rows.
    fn rows_of(&self, tx: &mut dyn Tx, ids: impl Iterator<Item = Id>, offset: i64, limit: i64) -> Result<Vec<Row>> {
        let (offset, most) = (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(0));
        let page: Vec<Id> = ids.skip(offset).take(most).collect();
        let mut rows = Filter::default();
        rows.and_piece(Piece::one_of(tx.dialect(), &format!("{}.id", self.table), &page));
        rows.page(tx, self.select, &self.order.to_string(), 0, limit)
    }

    /// The row that so many others come before, behind the edge, if there are so many.
    fn row_at(&self, tx: &mut dyn Tx, edge: Option<&Edge>, rows: i64) -> Result<Option<Edge>> {
        let Order { moment, id, .. } = self.order;
        let mut behind = Filter::default();
        behind.between(self, edge, None);
        let mut values = behind.values();
        let sql = format!(
            "SELECT {moment}, {id} FROM {} WHERE {} ORDER BY {} LIMIT 1 OFFSET ${}",
            self.table,
            behind.condition(),
            self.order,
            values.len() + 1
        );
        values.push(Arg::Int(rows));
        let row = tx.first(&sql, &values)?;
        row.map(|row| Ok(Edge(row.get(0)?, row.get(1)?))).transpose()
    }

    /// The condition that a row comes before the edge or is it, or that it comes behind.
    fn side(&self, edge: &Edge, before: bool) -> Piece {
        let Order { moment, id, ascending } = self.order;
        let comparison = match (before, ascending) {
            (true, true) => "<=",
            (true, false) => ">=",
            (false, true) => ">",
            (false, false) => "<",
        };
        Piece::new(format!("({moment}, {id}) {comparison} (?, ?)"), vec![Owned::Int(edge.0), Owned::Id(edge.1)])
    }
}

/// The place of the way that leads to the fewest rows, if those are at most `most`.
fn narrowest(tx: &mut dyn Tx, ways: &[Vec<Route>], mut most: i64) -> Result<Option<usize>> {
    let mut found = None;
    for (place, any) in ways.iter().enumerate() {
        let mut entries = 0;
        for route in any {
            entries += count_entries(tx, route, most + 1 - entries)?;
            if entries > most {
                break;
            }
        }
        if entries <= most {
            (found, most) = (Some(place), entries);
        }
    }
    Ok(found)
}

/// The ids that any of these routes leads to, in order.
fn ids_of(tx: &mut dyn Tx, any: &[Route]) -> Result<Vec<Id>> {
    let mut ids = Vec::new();
    for route in any {
        let values: Vec<Arg> = route.all.values.iter().map(Owned::arg).collect();
        tx.each(&route.all.numbered(0), &values, &mut |row| {
            ids.push(row.get(0)?);
            Ok(())
        })?;
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn count_entries(tx: &mut dyn Tx, route: &Route, most: i64) -> Result<i64> {
    let mut values: Vec<Arg> = route.entries.values.iter().map(Owned::arg).collect();
    let sql = format!("SELECT count(*) FROM ({} LIMIT ${}) AS entries", route.entries.numbered(0), values.len() + 1);
    values.push(Arg::Int(most));
    tx.one(&sql, &values)?.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Migration, Store, args};

    const THINGS: i64 = 24_000;
    const SCHEMA: &str = "CREATE TABLE log_head (seq BIGINT NOT NULL);
        INSERT INTO log_head (seq) VALUES (0);
        CREATE TABLE things (id BYTEA PRIMARY KEY, at BIGINT NOT NULL, size BIGINT NOT NULL);
        CREATE INDEX things_at ON things (at, id);
        CREATE TABLE marks (thing_id BYTEA NOT NULL, name TEXT NOT NULL);
        CREATE INDEX marks_thing ON marks (thing_id, name);
        CREATE INDEX marks_name ON marks (name, thing_id);";

    fn id(number: i64) -> Id {
        Id::from_parts(number as u64, 0)
    }

    /// Which marks the thing of this number has: many and scattered, few, many on one side only.
    fn has(number: i64, mark: &str) -> bool {
        match mark {
            "most" => number % 5 < 3,
            "third" => number % 3 == 0,
            "few" => number % 400 == 7,
            "old" => number < THINGS / 2 && number % 3 != 1,
            "new" => number >= THINGS / 2 && number % 3 != 1,
            "middle" => (THINGS / 2 - 30..THINGS / 2 + 6_000).contains(&number),
            _ => false,
        }
    }

    const MARKS: [&str; 7] = ["most", "third", "few", "old", "new", "middle", "none"];

    fn marked(name: &str) -> Vec<Route> {
        let condition = Piece::new("marks.name = ?", vec![name.to_owned().into()]);
        vec![Route::through("marks", "marks.thing_id", "things.id", &condition)]
    }

    #[tokio::test]
    async fn a_search_finds_what_asking_every_row_finds() {
        let folder = tempfile::tempdir().unwrap();
        let migration = Migration { number: 1, name: "things", sqlite: SCHEMA, postgres: "" };
        let store = Store::open_sqlite(&folder.path().join("things.db"), &[migration]).unwrap();
        let fill = |tx: &mut dyn Tx| {
            for number in 0..THINGS {
                // Two share each moment.
                tx.execute("INSERT INTO things VALUES ($1, $2, $3)", args![&id(number), number / 2, number % 7])?;
                for mark in MARKS.iter().filter(|mark| has(number, mark)) {
                    tx.execute("INSERT INTO marks VALUES ($1, $2)", args![&id(number), *mark])?;
                }
            }
            Ok(())
        };
        store.write(fill).await.unwrap();
        store.read(compare).await.unwrap();
    }

    fn compare(tx: &mut dyn Tx) -> Result<()> {
        let searches: [&[&str]; 9] = [
            &["most"],
            &["few"],
            &["none", "most"],
            &["most", "third"],
            &["most", "few", "third"],
            &["old", "third"],
            &["old", "new"],
            &["old", "middle"],
            &["most", "third", "middle"],
        ];
        for (marks, ascending, is_sized) in
            searches.iter().flat_map(|marks| [(marks, true, false), (marks, false, false), (marks, false, true)])
        {
            let matches = |number: &i64| marks.iter().all(|mark| has(*number, mark)) && (!is_sized || number % 7 < 2);
            let mut expected: Vec<Id> = (0..THINGS).filter(matches).map(id).collect();
            if !ascending {
                expected.reverse();
            }
            for (offset, limit) in [(0, 30), (60, 30), (1_500, 10), (9_000, 30), (0, 0)] {
                let mut filter = Filter::default();
                if is_sized {
                    filter.and("things.size < 2");
                }
                marks.iter().for_each(|mark| filter.and_any(marked(mark), true));
                let order = Order { moment: "things.at", id: "things.id", ascending };
                let select = "SELECT things.id FROM things";
                let list = Searched { table: "things", select, order, rows: THINGS, count: None };
                let (count, rows) = filter.search(tx, &list, offset, limit)?;
                let found = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
                let page: Vec<Id> = expected.iter().skip(offset as usize).take(limit as usize).copied().collect();
                assert_eq!(found, page, "{marks:?} {ascending} {is_sized} {offset}");
                let (all, end) = (expected.len() as i64, offset + limit);
                assert!(count <= all && (count > end || count == all), "{marks:?} {offset}: {count} of {all}");
            }
        }
        Ok(())
    }
}
