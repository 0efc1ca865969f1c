//! What the answers to lists must be.

use std::collections::HashSet;

use super::super::polling::{PolledAnswer, read_list};
use super::{Finding, STANDARD_ACTIONS, Verdict};
use crate::inbound::{ContentObject, InboundContent};
use crate::sdk::{Implementation, list_action};

/// How many of several troubles are told.
const TROUBLES_TOLD: usize = 3;

/// One answer of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What to ask after next; none when there is nothing.
    pub newest_id: Option<String>,
    /// Its contents, the newest first.
    pub contents: Vec<InboundContent>,
}

impl Page {
    /// The ids, the newest first.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.contents.iter().map(|content| content.foreign_id.as_str())
    }
}

/// Judges an answer of a list by itself. Nothing is told when it is no list.
pub fn list(
    answer: &PolledAnswer,
    object: ContentObject,
    implementation: &Implementation,
) -> (Option<Page>, Vec<Finding>) {
    let action = list_action(object);
    let rule = format!("{action} answers a list of at most 1,000 objects and 20 MB");
    let slice = match read_list(answer, object, implementation.options()) {
        Ok(slice) => slice,
        Err(why) => return (None, vec![Finding::new(rule, Verdict::Failed(why))]),
    };
    let mut contents = slice.contents;
    contents.reverse();
    let page = Page { newest_id: slice.newest_id, contents };
    let left_out = (!slice.skipped.is_empty()).then(|| {
        let told = slice.skipped.iter().rev().take(TROUBLES_TOLD).cloned().collect::<Vec<_>>().join("; ");
        format!("{} of its objects would be left out: {told}", slice.skipped.len())
    });
    let mut findings = vec![
        Finding::new(rule, Verdict::Passed),
        Finding::unless_wrong(format!("objects of {action} have what they must have"), left_out),
        Finding::unless_wrong(format!("{action} tells each object once"), repeated_id(&page)),
        Finding::unless_wrong(format!("{action} tells the newest first"), wrong_order(&page)),
    ];
    // What is only a title has neither dates nor actions.
    if page.contents.iter().any(|content| content.author.is_some()) {
        findings.push(Finding::unless_odd(format!("objects of {action} have a date"), without_date(&page)));
        let rule = format!("actions of objects of {action} are told in implementation.info too");
        findings.push(Finding::unless_odd(rule, unknown_action(&page, object, implementation)));
    }
    (Some(page), findings)
}

fn repeated_id(page: &Page) -> Option<String> {
    let mut seen = HashSet::new();
    let repeated = page.ids().find(|id| !seen.insert(*id))?;
    Some(format!("the id {repeated} is there more than once"))
}

fn wrong_order(page: &Page) -> Option<String> {
    let mut dated = page.contents.iter().filter_map(|content| Some((&content.foreign_id, content.created_at?)));
    let (mut before, mut before_at) = dated.next()?;
    for (id, at) in dated {
        if at > before_at {
            return Some(format!("{id} of {} comes after {before} of {}, which is older", at.rest(), before_at.rest()));
        }
        (before, before_at) = (id, at);
    }
    None
}

fn without_date(page: &Page) -> Option<String> {
    let count = page.contents.iter().filter(|content| content.created_at.is_none()).count();
    (count > 0).then(|| format!("{count} have no created_at: they will be shown as written when they were imported"))
}

fn unknown_action(page: &Page, object: ContentObject, implementation: &Implementation) -> Option<String> {
    // Those that are for the whole collection are ignored here, and do no harm.
    let is_told = |action: &String| {
        implementation.can(object, action) || matches!(action.as_str(), "list" | "show" | "create" | "reply")
    };
    let of = page
        .contents
        .iter()
        .find_map(|content| Some((content, content.actions.iter().find(|action| !is_told(action))?)));
    of.map(|(content, action)| {
        let kind = if STANDARD_ACTIONS.contains(&action.as_str()) { "" } else { " of its own" };
        format!(
            "{} has the action{kind} {action}, which objects.{}s does not name: it is ignored",
            content.foreign_id,
            object.as_str()
        )
    })
}

/// Judges the answer to a list that was asked after `since`, an id that `known` - what was told before, the newest first -
/// holds.
pub fn after(action: &str, since: &str, known: &Page, page: &Page) -> Finding {
    let at = known.ids().position(|id| id == since);
    let rule = match at {
        Some(0) => format!("{action} tells only what is new after the newest since_id"),
        _ => format!("{action} tells what comes next after an older since_id"),
    };
    let Some(at) = at else {
        return Finding::new(rule, Verdict::Skipped(format!("{since} was not told before")));
    };
    let before: HashSet<&str> = known.ids().skip(at).collect();
    if let Some(old) = page.ids().find(|id| before.contains(id)) {
        let why = format!("after {since} it tells {old} again, so that one would never come to what is new");
        return Finding::new(rule, Verdict::Failed(why));
    }
    // Whoever limits the list tells the oldest ones, or the others are never asked for.
    let next = at.checked_sub(1).and_then(|at| known.ids().nth(at));
    let told = page.ids().next_back();
    let left_out = next.filter(|next| Some(*next) != told && !page.ids().any(|id| id == *next));
    Finding::unless_wrong(rule, left_out.map(|id| {
        format!("after {since} it does not tell {id}, which comes next: the oldest must be told first, or they are never told")
    }))
}
