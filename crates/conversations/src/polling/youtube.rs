//! Asking YouTube for comments: what is new from the top of two lists, the published and the held ones, until nothing on a
//! page is; what was there before, page by page; and threads that may have changed, the seldomer the longer nothing was
//! written in them. Every call is paid for from the units of the day before it is made.
//!
//! Where reading stands is kept in `polls.state` after every page, so that a run that is killed goes on there; what it is
//! told again is known.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Error, Id, Result, Timestamp, error};
use frontdesk_sources::inbound::{ContentObject, InboundAuthor, InboundContent};
use frontdesk_sources::outbound::{Answer, Class, Failure, Request};
use frontdesk_sources::quota::{self, Plan, Purpose};
use frontdesk_sources::youtube::{self, CommentThread, List, limits};
use frontdesk_store::{Tx, args};
use serde::{Deserialize, Serialize};

use super::store::{Claim, hold, skip};
use super::taking_in::Written;
use super::{ANSWER_DEADLINE, Ended, Polling, RUN_SECONDS_MAX, Stop};
use crate::calling::answer_of;
use crate::contents::refreshing;
use crate::ingest;
use crate::quotas::{self, Taken, Today};
use crate::sources::{self, Channel};

/// Days back that comments are imported at first, unless the source says otherwise.
const HISTORY_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// What the service takes for spam is read this often, seconds: it waits for nobody.
const SPAM_SECONDS: i64 = 60 * 60;
/// For one question to the hub.
const HUB_DEADLINE: Duration = Duration::from_secs(10);
/// Of its answer this much is read.
const HUB_BYTES_MAX: usize = 16 * 1024;
/// Parts of lists that wait to be read; more begin only after years without an end.
const SCANS_MAX: usize = 50;
/// What was written here since a call began may not be in its answer, seconds.
const FRESH_SECONDS: i64 = 60;
/// A run is the one that was planned when it is due then, give or take so many seconds; else somebody asked for it.
const PLANNED_SECONDS: i64 = 5;

/// Where reading stands.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// The version of the source whose account was looked at.
    account_of: Option<i64>,
    /// Comments from then on are taken in, microseconds.
    since: Option<i64>,
    /// When the lists were read from the top last, and when they are to be next, microseconds.
    looked_at: Option<i64>,
    next_look_at: Option<i64>,
    /// When the next run was planned, microseconds: before the next look where that is far away.
    planned_at: Option<i64>,
    /// When what is taken for spam was read last, microseconds.
    spam_looked_at: Option<i64>,
    /// Parts of lists that are still to be read.
    scans: Vec<Scan>,
    /// Until when news of videos was asked for, microseconds, and for which version of the source.
    leased_until: Option<i64>,
    leased_for: Option<i64>,
}

/// A part of a list that is still to be read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Scan {
    held: bool,
    page: String,
    /// Whether it is what was there before the source.
    history: bool,
}

impl Scan {
    fn list(&self) -> List {
        if self.held { List::Held } else { List::Published }
    }
}

/// What ends a run before its end.
enum Halt {
    /// No units are left for this.
    UsedUp,
    /// The service wants a pause.
    Paused(Timestamp, String),
    /// The channel, or we ourselves.
    Stop(Stop),
    /// The source is not as it was, or somebody else has taken over.
    Ended(Ended),
}

impl From<Error> for Halt {
    fn from(trouble: Error) -> Halt {
        Halt::Stop(Stop::Own(trouble))
    }
}

/// What a page turned out to be.
struct Seen {
    /// Whether all of it was here as it is.
    is_known: bool,
    /// Whether some of it is older than what is wanted.
    is_old: bool,
}

/// A thread that may have changed.
struct Watched {
    thread_id: Id,
    foreign_id: String,
    last_content_at: Timestamp,
}

/// One run.
struct Run<'a> {
    polling: &'a Polling,
    claim: &'a Claim,
    channel: &'a Arc<Channel>,
    plan: Plan,
    us: String,
    until: Timestamp,
    /// What videos are called, as far as it was asked for in this run.
    titles: tokio::sync::Mutex<HashMap<String, String>>,
}

/// One run over a channel's comments.
pub(super) async fn ask(polling: &Polling, claim: &Claim, channel: &Arc<Channel>) -> Result<Ended, Stop> {
    let (app, source_id) = (&polling.app, claim.source_id);
    let missing = || Stop::Channel("The source does not say whose comments: set youtube_channel_id.".into());
    let us = channel.settings.text(youtube::CHANNEL_ID).ok_or_else(missing)?.to_owned();
    let plan = channel.kind.quota.map(|plan| plan(&channel.settings, polling.interval_seconds));
    let plan = plan.ok_or_else(|| error::broken("YouTube sources have a plan"))?;
    let now = app.env.now();
    let (mut state, today) =
        app.store.read(move |tx| Ok((load(tx, source_id)?, quotas::today(tx, source_id, now)?))).await?;
    if let Today { paused_until: Some(until), .. } = today {
        let why = format!("YouTube takes no more calls until {}.", until.rest());
        return Ok(Ended::Waits { why, next_seconds: until.seconds_since(now).max(1) });
    }
    let until = now.plus_seconds(RUN_SECONDS_MAX);
    let run = Run { polling, claim, channel, plan, us, until, titles: Default::default() };
    let wait = state.next_look_at.map_or(0, |at| Timestamp::from_micros(at).seconds_since(now));
    let is_planned = |at: i64| Timestamp::from_micros(at).seconds_since(claim.due_at).abs() <= PLANNED_SECONDS;
    if wait > 1 && wait <= plan.look_every_seconds && state.planned_at.is_some_and(is_planned) {
        run.plan_next(&mut state, wait).await?;
        return Ok(Ended::UpToDate { next_seconds: wait });
    }
    let outcome = run.all(&mut state).await;
    let now = app.env.now();
    let next_seconds = plan.look_every_seconds;
    let is_unfinished = now >= run.until;
    state.next_look_at = (!is_unfinished).then(|| now.plus_seconds(next_seconds).micros());
    run.plan_next(&mut state, next_seconds).await?;
    match outcome {
        Ok(()) if is_unfinished => Ok(Ended::Unfinished),
        Ok(()) => Ok(Ended::UpToDate { next_seconds }),
        Err(Halt::UsedUp) => {
            let resets_at = quota::resets_at(now);
            let why = format!(
                "The units for reading are used up for today: YouTube is asked again after {}.",
                resets_at.rest()
            );
            Ok(Ended::Waits { why, next_seconds: resets_at.seconds_since(now).max(1) })
        }
        Err(Halt::Paused(until, why)) => {
            app.store.write(move |tx| quotas::pause(tx, source_id, until, now)).await?;
            Ok(Ended::Waits { why, next_seconds: until.seconds_since(now).max(1) })
        }
        Err(Halt::Stop(stop)) => Err(stop),
        Err(Halt::Ended(ended)) => Ok(ended),
    }
}

/// Where reading stands; from the beginning where what was kept cannot be read.
fn load(tx: &mut dyn Tx, source_id: Id) -> Result<State> {
    let row = tx.first("SELECT state FROM polls WHERE source_id = $1", args![&source_id])?;
    let kept: Option<String> = row.map(|row| row.get(0)).transpose()?.flatten();
    Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default())
}

impl Run<'_> {
    async fn all(&self, state: &mut State) -> Result<(), Halt> {
        self.check_account(state).await?;
        let now = self.polling.app.env.now();
        let is_first = state.since.is_none();
        let days = self.channel.settings.integer(youtube::HISTORY_DAYS).unwrap_or(HISTORY_DAYS);
        state.since.get_or_insert_with(|| now.minus_seconds(days.saturating_mul(DAY_SECONDS)).micros());
        for list in [List::Published, List::Held] {
            self.look(state, list, is_first).await?;
        }
        let is_due = |at: i64| now.seconds_since(Timestamp::from_micros(at)) >= SPAM_SECONDS;
        if state.spam_looked_at.is_none_or(is_due) {
            // One page: what is further down was there before, or is of an attack that nobody reads.
            match self.page(state, List::Spam, None, Purpose::Changes).await {
                Ok(_) | Err(Halt::UsedUp) => state.spam_looked_at = Some(now.micros()),
                Err(halt) => return Err(halt),
            }
        }
        state.looked_at = Some(now.micros());
        self.ask_for_news(state).await?;
        self.save(state).await?;
        self.go_on(state, false).await?;
        // What is left of a day is for these; when nothing is, that is no trouble.
        match self.watch().await {
            Ok(()) | Err(Halt::UsedUp) => {}
            Err(halt) => return Err(halt),
        }
        match self.go_on(state, true).await {
            Ok(()) | Err(Halt::UsedUp) => Ok(()),
            Err(halt) => Err(halt),
        }
    }

    /// Whose the account is: looked at whenever the source has changed.
    async fn check_account(&self, state: &mut State) -> Result<(), Halt> {
        if state.account_of == Some(self.channel.version) {
            return Ok(());
        }
        let account = self.ask(Purpose::News, youtube::account(), youtube::read_account).await?;
        let told = |why: String| Halt::Stop(Stop::Channel(why));
        let Some(account) = account else {
            return Err(told(
                "The connected Google account has no YouTube channel: connect the channel's account.".into(),
            ));
        };
        account.is(&self.us).map_err(told)?;
        let author = InboundAuthor {
            puppetizable: true,
            avatar_url: account.avatar_url,
            ..InboundAuthor::new(account.id, account.title)
        };
        let (env, to) = (self.polling.app.env.clone(), self.channel.clone());
        match self.polling.app.store.write(move |tx| ingest::identity(tx, &env, &to, &author)).await? {
            ingest::Ingested::Stale => return Err(Halt::Ended(Ended::Unfinished)),
            ingest::Ingested::Created | ingest::Ingested::Repeat => {}
        }
        state.account_of = Some(self.channel.version);
        Ok(())
    }

    /// Asks the hub for news of videos, where that is wanted, anew before it ends. The hub is not the API: no token goes
    /// there, and no units are counted.
    async fn ask_for_news(&self, state: &mut State) -> Result<(), Halt> {
        let (app, source_id, now) = (&self.polling.app, self.claim.source_id, self.polling.app.env.now());
        let callback = format!("{}/channels/youtube/{source_id}", app.public_url);
        let days = self.channel.settings.integer(youtube::LEASE_DAYS).unwrap_or(0);
        let Some(request) = youtube::lease_request(&self.channel.settings, &callback) else { return Ok(()) };
        let is_long = state.leased_until.is_some_and(|until| until > now.plus_seconds(DAY_SECONDS / 2).micros());
        if is_long && state.leased_for == Some(self.channel.version) {
            return Ok(());
        }
        let request = app.outbound_request(request, HUB_DEADLINE, HUB_BYTES_MAX)?;
        let trouble = match app.outbound.send(request).await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => {
                Some(format!("YouTube's hub answered {}: new videos are not told of.", answer.status.as_u16()))
            }
            Err(trouble) => Some(format!("YouTube's hub cannot be asked for news of videos: {trouble}.")),
        };
        if trouble.is_none() {
            state.leased_until = Some(now.plus_seconds(days * DAY_SECONDS).micros());
            state.leased_for = Some(self.channel.version);
        }
        let noting =
            move |tx: &mut dyn Tx| sources::set_trouble(tx, source_id, "video news", trouble.as_deref(), now).map(drop);
        app.store.write(noting).await?;
        Ok(())
    }

    /// Reads a list from the top. What does not fit on its first page is gone on with later.
    async fn look(&self, state: &mut State, list: List, history: bool) -> Result<(), Halt> {
        let (seen, next) = self.page(state, list, None, Purpose::News).await?;
        if let Some(page) = next.filter(|_| !seen.is_known && !seen.is_old) {
            let scan = Scan { held: list == List::Held, page, history };
            state.scans.insert(0, scan);
            state.scans.truncate(SCANS_MAX);
        }
        Ok(())
    }

    /// Goes on with parts of lists, the newest first, as long as there are units and time.
    async fn go_on(&self, state: &mut State, history: bool) -> Result<(), Halt> {
        let purpose = if history { Purpose::History } else { Purpose::News };
        // After a kill the page that was at hand may be here already: it says nothing of what follows it.
        let mut is_taken_up = true;
        while let Some(at) = state.scans.iter().position(|scan| scan.history == history) {
            if self.polling.app.env.now() >= self.until {
                break;
            }
            let scan = state.scans[at].clone();
            let (seen, next) = match self.page(state, scan.list(), Some(&scan.page), purpose).await {
                // A place that the service no longer knows: the list is read from the top again.
                Err(Halt::Stop(Stop::Channel(why))) if why.contains("invalidPageToken") => {
                    tracing::info!(source_id = %self.claim.source_id, why, "a place in a list is gone");
                    let (seen, next) = self.page(state, scan.list(), None, purpose).await?;
                    (Seen { is_known: false, ..seen }, next)
                }
                other => other?,
            };
            let is_over = seen.is_old || (seen.is_known && !history && !is_taken_up);
            match next.filter(|page| !is_over && *page != scan.page) {
                Some(page) => state.scans[at].page = page,
                None => {
                    state.scans.remove(at);
                }
            }
            is_taken_up = false;
            self.save(state).await?;
        }
        Ok(())
    }

    /// Reads one page and takes in what it holds.
    async fn page(
        &self,
        state: &State,
        list: List,
        page: Option<&str>,
        purpose: Purpose,
    ) -> Result<(Seen, Option<String>), Halt> {
        let missing = || Halt::from(error::broken("a channel without an id was asked"));
        let request = youtube::comments(&self.channel.settings, list, page).ok_or_else(missing)?;
        let us = self.us.clone();
        let page =
            self.ask(purpose, request, move |answer: &Answer| youtube::read_threads(answer, &us, Some(list))).await?;
        let since = Timestamp::from_micros(state.since.unwrap_or(0));
        let is_wanted = |thread: &CommentThread| thread.first.created_at.is_none_or(|at| at >= since);
        let is_old = page.items.iter().any(|thread| !is_wanted(thread));
        let threads: Vec<CommentThread> = page.items.into_iter().filter(is_wanted).collect();
        let is_known = self.take_threads(threads, purpose).await?;
        if !page.skipped.is_empty() {
            let (held, skipped) = (self.claim.clone(), page.skipped);
            self.polling.app.store.write(move |tx| skip(tx, &held, &skipped)).await?;
        }
        Ok((Seen { is_known, is_old }, page.next))
    }

    /// Takes in what is new of these threads and writes down what has changed. Whether all of it was here as it is.
    async fn take_threads(&self, threads: Vec<CommentThread>, purpose: Purpose) -> Result<bool, Halt> {
        let (mut firsts, mut replies) = (Vec::new(), Vec::new());
        let mut with_more = Vec::new();
        for thread in threads {
            if !thread.is_whole() {
                with_more.push((thread.first.clone(), thread.replies_count));
            }
            firsts.push(thread.first);
            replies.extend(thread.replies);
        }
        firsts.sort_by_key(|content| content.created_at);
        let began: Vec<String> = firsts.iter().map(|first| first.foreign_id.clone()).collect();
        let titles = self.titles_of(&firsts).await?;
        replies.sort_by_key(|content| content.created_at);
        let mut is_known = self.take(firsts).await?;
        self.entitle(titles).await?;
        is_known &= self.take(replies).await?;
        for (first, count) in with_more {
            if self.has_all_replies(&first.foreign_id, count).await? {
                continue;
            }
            match self.replies(&first, purpose).await {
                Ok(all) => {
                    self.take(all).await?;
                }
                // They are read when the thread is looked at again.
                Err(Halt::UsedUp) => break,
                Err(halt) => return Err(halt),
            }
        }
        if !is_known {
            self.watch_over(began).await?;
        }
        Ok(is_known)
    }

    /// What the videos are called under which threads begin that are not here: each thread with its title. Where no units
    /// are left for it, threads have none.
    async fn titles_of(&self, firsts: &[InboundContent]) -> Result<Vec<(String, String)>, Halt> {
        let source_id = self.claim.source_id;
        let video = |first: &InboundContent| Some(first.context_data.get("video_id")?.as_str()?.to_owned());
        let all: Vec<(String, String)> =
            firsts.iter().filter_map(|first| Some((first.foreign_id.clone(), video(first)?))).collect();
        let looking = move |tx: &mut dyn Tx| {
            let mut new = Vec::new();
            for (thread, video) in &all {
                let sql = "SELECT 1 FROM threads WHERE source_id = $1 AND foreign_id = $2";
                if tx.first(sql, args![&source_id, thread])?.is_none() {
                    new.push((thread.clone(), video.clone()));
                }
            }
            Ok(new)
        };
        let new = self.polling.app.store.read(looking).await?;
        let mut titles = self.titles.lock().await;
        let mut unknown: Vec<String> =
            new.iter().map(|(_, video)| video.clone()).filter(|video| !titles.contains_key(video)).collect();
        unknown.sort();
        unknown.dedup();
        for some in unknown.chunks(limits::VIDEOS_PER_CALL) {
            match self.ask(Purpose::Changes, youtube::videos(some), youtube::read_videos).await {
                // One that is gone is not asked for again.
                Ok(told) => titles
                    .extend(some.iter().map(|video| (video.clone(), told.get(video).cloned().unwrap_or_default()))),
                Err(Halt::UsedUp) => break,
                Err(halt) => return Err(halt),
            }
        }
        let title = |video: &String| titles.get(video).filter(|title| !title.is_empty()).cloned();
        Ok(new.into_iter().filter_map(|(thread, video)| Some((thread, title(&video)?))).collect())
    }

    /// Writes down what new threads are called.
    async fn entitle(&self, titles: Vec<(String, String)>) -> Result<(), Halt> {
        if titles.is_empty() {
            return Ok(());
        }
        let source_id = self.claim.source_id;
        let writing = move |tx: &mut dyn Tx| {
            for (thread, title) in &titles {
                let sql = "UPDATE threads SET title = $3 WHERE source_id = $1 AND foreign_id = $2 AND title IS NULL";
                tx.execute(sql, args![&source_id, thread, title])?;
            }
            Ok(())
        };
        self.polling.app.store.write_later(writing).await?;
        Ok(())
    }

    /// All answers to a comment, the oldest first.
    async fn replies(&self, first: &InboundContent, purpose: Purpose) -> Result<Vec<InboundContent>, Halt> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = youtube::replies(&first.foreign_id, next.as_deref());
            let (of, us) = (first.clone(), self.us.clone());
            let read = move |answer: &Answer| youtube::read_comments(answer, &of, &us);
            let page = self.ask(purpose, request, read).await?;
            let has_some = !page.items.is_empty();
            all.extend(page.items);
            match page.next.filter(|page| has_some && next.as_ref() != Some(page)) {
                Some(page) => next = Some(page),
                None => break,
            }
        }
        all.sort_by_key(|content| content.created_at);
        Ok(all)
    }

    /// Takes in contents that are not here, and writes down what has changed of the others. Whether there was neither.
    async fn take(&self, contents: Vec<InboundContent>) -> Result<bool, Halt> {
        if contents.is_empty() {
            return Ok(true);
        }
        let (app, source_id) = (&self.polling.app, self.claim.source_id);
        let told = Arc::new(contents);
        let looked = told.clone();
        let looking = move |tx: &mut dyn Tx| {
            let (mut new, mut changed) = (Vec::new(), Vec::new());
            for (at, content) in looked.iter().enumerate() {
                let object = content.object.as_str();
                match ingest::find_by_foreign_id(tx, source_id, object, &content.foreign_id)? {
                    None => new.push(at),
                    Some(id) if refreshing::differs(tx, id, content)? => changed.push((at, id)),
                    Some(_) => {}
                }
            }
            Ok((new, changed))
        };
        let (new, changed) = app.store.read(looking).await?;
        let is_known = new.is_empty() && changed.is_empty();
        if !changed.is_empty() {
            let (env, told) = (app.env.clone(), told.clone());
            let writing = move |tx: &mut dyn Tx| {
                changed.iter().try_for_each(|(at, id)| refreshing::apply(tx, &env, *id, &told[*at]))
            };
            app.store.write_later(writing).await?;
        }
        let new = new.into_iter().map(|at| told[at].clone()).collect();
        match self.polling.take_in(self.channel, self.claim, new).await.map_err(Halt::Stop)? {
            Written::Done => Ok(is_known),
            Written::Stale => Err(Halt::Ended(Ended::Unfinished)),
            Written::Overtaken => Err(Halt::Ended(Ended::Overtaken)),
        }
    }

    /// Whether so many answers of a thread are here.
    async fn has_all_replies(&self, thread_foreign_id: &str, count: i64) -> Result<bool, Halt> {
        let (source_id, foreign_id) = (self.claim.source_id, thread_foreign_id.to_owned());
        let counting = move |tx: &mut dyn Tx| {
            let row = tx.one(
                "SELECT count(*) FROM threads JOIN contents ON contents.thread_id = threads.id
                 WHERE threads.source_id = $1 AND threads.foreign_id = $2 AND contents.foreign_id IS NOT NULL
                   AND contents.foreign_id <> $2 AND NOT contents.remotely_deleted",
                args![&source_id, &foreign_id],
            )?;
            row.get::<i64>(0)
        };
        Ok(self.polling.app.store.read(counting).await? == count)
    }

    /// Threads are looked at again from now on, unless nothing was written in them for too long.
    async fn watch_over(&self, foreign_ids: Vec<String>) -> Result<(), Halt> {
        let (source_id, now) = (self.claim.source_id, self.polling.app.env.now());
        let watching = move |tx: &mut dyn Tx| {
            for foreign_id in &foreign_ids {
                let sql = "SELECT id, last_content_at FROM threads WHERE source_id = $1 AND foreign_id = $2";
                let Some(row) = tx.first(sql, args![&source_id, foreign_id])? else { continue };
                let (thread_id, at): (Id, Timestamp) = (row.get(0)?, row.get(1)?);
                if let Some(look) = youtube::look(now.seconds_since(at)) {
                    watch_by(tx, source_id, thread_id, now.plus_seconds(look.again_seconds))?;
                }
            }
            Ok(())
        };
        self.polling.app.store.write_later(watching).await?;
        Ok(())
    }

    /// Looks again at threads that are due, so many with each call.
    async fn watch(&self) -> Result<(), Halt> {
        let (app, source_id) = (&self.polling.app, self.claim.source_id);
        while app.env.now() < self.until {
            let now = app.env.now();
            let watched = app.store.read(move |tx| due(tx, source_id, now)).await?;
            if watched.is_empty() {
                break;
            }
            let ids: Vec<String> = watched.iter().map(|thread| thread.foreign_id.clone()).collect();
            let us = self.us.clone();
            let read = move |answer: &Answer| youtube::read_threads(answer, &us, None);
            let page = self.ask(Purpose::Changes, youtube::threads_named(&ids), read).await?;
            let mut told: HashMap<String, CommentThread> =
                page.items.into_iter().map(|thread| (thread.first.foreign_id.clone(), thread)).collect();
            for thread in watched {
                let look = youtube::look(now.seconds_since(thread.last_content_at));
                let told = told.remove(&thread.foreign_id);
                let next_at = look.filter(|_| told.is_some()).map(|look| now.plus_seconds(look.again_seconds));
                match told {
                    Some(told) => self.compare(&thread, told, look.is_some_and(|look| look.in_depth), now).await?,
                    None => self.forget(thread.thread_id, None, now).await?,
                }
                let moving = move |tx: &mut dyn Tx| match next_at {
                    Some(at) => watch_at(tx, source_id, thread.thread_id, at),
                    None => unwatch(tx, source_id, thread.thread_id),
                };
                app.store.write_later(moving).await?;
            }
        }
        Ok(())
    }

    /// Compares a thread with what is told of it now.
    async fn compare(&self, thread: &Watched, told: CommentThread, in_depth: bool, now: Timestamp) -> Result<(), Halt> {
        let first = told.first.clone();
        let is_whole = told.is_whole();
        let has_all = self.has_all_replies(&thread.foreign_id, told.replies_count).await?;
        self.take(vec![told.first]).await?;
        let replies = match is_whole {
            true => told.replies,
            false if in_depth || !has_all => self.replies(&first, Purpose::Changes).await?,
            false => {
                self.take(told.replies).await?;
                return Ok(());
            }
        };
        let mut kept: HashSet<String> = replies.iter().map(|reply| reply.foreign_id.clone()).collect();
        kept.insert(first.foreign_id);
        self.take(replies).await?;
        self.forget(thread.thread_id, Some(kept), now).await
    }

    /// Notes that contents of a thread are gone: all but these. What was held back, or written or changed a moment ago,
    /// need not be told.
    async fn forget(&self, thread_id: Id, kept: Option<HashSet<String>>, now: Timestamp) -> Result<(), Halt> {
        let app = &self.polling.app;
        let before = now.plus_seconds(-FRESH_SECONDS);
        let looking = move |tx: &mut dyn Tx| {
            let rows = tx.query(
                "SELECT id, foreign_id FROM contents
                 WHERE thread_id = $1 AND foreign_id IS NOT NULL AND NOT remotely_deleted AND published
                   AND (creator_id IS NULL OR updated_at < $2)",
                args![&thread_id, before],
            )?;
            let mut gone = Vec::new();
            for row in rows {
                let foreign_id: String = row.get(1)?;
                if kept.as_ref().is_none_or(|kept| !kept.contains(&foreign_id)) {
                    gone.push(row.get::<Id>(0)?);
                }
            }
            Ok(gone)
        };
        let gone = app.store.read(looking).await?;
        if gone.is_empty() {
            return Ok(());
        }
        let env = app.env.clone();
        let writing = move |tx: &mut dyn Tx| gone.iter().try_for_each(|id| refreshing::removed(tx, &env, *id));
        app.store.write_later(writing).await?;
        Ok(())
    }

    /// Makes one call and reads its answer. Its units are taken before: the service counts what fails, too.
    async fn ask<T>(
        &self,
        purpose: Purpose,
        request: Request,
        read: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Halt> {
        let app = &self.polling.app;
        let (source_id, now, plan, held) = (self.claim.source_id, app.env.now(), self.plan, self.claim.clone());
        let taking = move |tx: &mut dyn Tx| {
            Ok(match hold(tx, &held, now)? {
                true => Some(quotas::take(tx, source_id, Some(&plan), purpose, now)?),
                false => None,
            })
        };
        match app.store.write(taking).await? {
            Some(Taken::Yes) => {}
            Some(Taken::Paused(until)) => {
                return Err(Halt::Paused(until, format!("YouTube takes no more calls until {}.", until.rest())));
            }
            Some(Taken::UsedUp) => return Err(Halt::UsedUp),
            None => return Err(Halt::Ended(Ended::Overtaken)),
        }
        let called = app.call(self.channel, request, ANSWER_DEADLINE, limits::ANSWER_BYTES_MAX).await?;
        let _turn = self.polling.readings.acquire().await;
        let outcome = called.and_then(|answer| {
            // Reading a large answer takes long enough for others to notice.
            tokio::task::block_in_place(|| read(&answer_of(&answer, app.env.now())))
        });
        outcome.map_err(|Failure { class, message }| match class {
            Class::Throttled { until } => Halt::Paused(until, message),
            _ => Halt::Stop(Stop::Channel(message)),
        })
    }

    /// Writes down when the next run is planned, and where reading stands.
    async fn plan_next(&self, state: &mut State, seconds: i64) -> Result<()> {
        let seconds = seconds.min(self.polling.pause_seconds_max());
        state.planned_at = Some(self.polling.app.env.now().plus_seconds(seconds).micros());
        self.save(state).await
    }

    /// Writes down where reading stands.
    async fn save(&self, state: &State) -> Result<()> {
        let state = serde_json::to_string(state).map_err(|trouble| error::broken(trouble.to_string()))?;
        let claim = self.claim.clone();
        let saving = move |tx: &mut dyn Tx| {
            let sql = "UPDATE polls SET state = $3 WHERE source_id = $1 AND claim = $2";
            tx.execute(sql, args![&claim.source_id, claim.number, &state]).map(drop)
        };
        self.polling.app.store.write(saving).await
    }
}

/// A thread is looked at by then, or sooner if that was wanted already.
fn watch_by(tx: &mut dyn Tx, source_id: Id, thread_id: Id, due_at: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO watched_threads (source_id, thread_id, due_at) VALUES ($1, $2, $3)
         ON CONFLICT (source_id, thread_id) DO UPDATE
         SET due_at = CASE WHEN excluded.due_at < watched_threads.due_at THEN excluded.due_at
                           ELSE watched_threads.due_at END",
        args![&source_id, &thread_id, due_at],
    )?;
    Ok(())
}

fn watch_at(tx: &mut dyn Tx, source_id: Id, thread_id: Id, due_at: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO watched_threads (source_id, thread_id, due_at) VALUES ($1, $2, $3)
         ON CONFLICT (source_id, thread_id) DO UPDATE SET due_at = $3",
        args![&source_id, &thread_id, due_at],
    )?;
    Ok(())
}

fn unwatch(tx: &mut dyn Tx, source_id: Id, thread_id: Id) -> Result<()> {
    tx.execute("DELETE FROM watched_threads WHERE source_id = $1 AND thread_id = $2", args![&source_id, &thread_id])?;
    Ok(())
}

/// Threads that are to be looked at now, as many as one call takes. Those that are no longer here drop out.
fn due(tx: &mut dyn Tx, source_id: Id, now: Timestamp) -> Result<Vec<Watched>> {
    let rows = tx.query(
        "SELECT threads.id, threads.foreign_id, threads.last_content_at FROM watched_threads
         JOIN threads ON threads.id = watched_threads.thread_id
         JOIN content_keys ON content_keys.source_id = threads.source_id AND content_keys.object = $4
           AND content_keys.foreign_id = threads.foreign_id
         JOIN contents ON contents.id = content_keys.content_id AND NOT contents.remotely_deleted
         WHERE watched_threads.source_id = $1 AND watched_threads.due_at <= $2
         ORDER BY watched_threads.due_at, threads.id LIMIT $3",
        args![&source_id, now, limits::THREADS_PER_CALL as i64, ContentObject::Comment.as_str()],
    )?;
    rows.iter()
        .map(|row| Ok(Watched { thread_id: row.get(0)?, foreign_id: row.get(1)?, last_content_at: row.get(2)? }))
        .collect()
}
