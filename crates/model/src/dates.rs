//! Dates as people write them, in English and French: `2011-02-03 14:27`, `yesterday`, `last friday at 20:00`,
//! `dec 25`, `il y a 2 heures`, `6 business hours ago`.
//!
//! What can be read in several ways is read in one:
//!
//! - A date without a time is its first moment, `00:00:00` in the account's time zone. `last week`, `last month` and
//!   `last year` are dates: the first day of each.
//! - So many hours, days, weeks or months ago are counted from this moment and keep its time of day, unless one is given.
//! - A date without its year, a month and a weekday alone are the latest ones that are not after today, because searches
//!   look back. `last friday` is before today, `next friday` after it.
//! - `03/04/2011` is March 4 where the account's locale is English and April 3 elsewhere; where that is no date, such as
//!   `03/17/2011`, the other way round is meant. With points, `03.04.2011`, the day always comes first.
//! - Hours are those of the day, 0 to 23, unless am or pm follows: `at 4` is four in the morning.

use jiff::Span;
pub use jiff::civil::Weekday;
use jiff::civil::{Date, Time};

use crate::Timestamp;
use crate::business_time::{BusinessHours, moment};
use crate::time_zones::{TimeZone, exact};

/// Longer texts are refused unread.
pub const CHARACTERS_MAX: usize = 100;
/// Numbers have at most this many digits.
const DIGITS_MAX: usize = 6;

/// What the meaning of a date depends on.
pub struct Context<'a> {
    /// The present.
    pub now: Timestamp,
    /// The account's locale, such as `en` or `fr`.
    pub locale: &'a str,
    /// The account's time zone.
    pub time_zone: TimeZone,
    /// The day on which weeks begin.
    pub first_weekday: Weekday,
    /// When the place in question is open; none: always.
    pub business: Option<&'a BusinessHours>,
}

/// Reads a date; none if it is not one that is understood.
pub fn parse(text: &str, context: &Context) -> Option<Timestamp> {
    let trimmed = text.trim();
    let too_long = trimmed.chars().nth(CHARACTERS_MAX).is_some();
    if too_long { None } else { iso(trimmed, context).or_else(|| written(trimmed, context)) }
}

/// Reads a single day: `2026-12-25`, or with its numbers in the order of the locale, `12/25/2026`.
pub fn parse_day(text: &str, locale: &str) -> Option<Date> {
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        return None;
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let (day, year_given) = parser.numeric_day(is_month_first(locale))?;
    (year_given && parser.is_done()).then(|| day.resolve(Date::ZERO)).flatten()
}

fn is_month_first(locale: &str) -> bool {
    matches!(locale, "en" | "en-US")
}

/// ISO 8601, in the account's time zone unless it says otherwise.
fn iso(text: &str, context: &Context) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 4 || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_micros(exact.as_microsecond()));
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    moment(&context.time_zone, civil.date(), civil.time())
}

fn written(text: &str, context: &Context) -> Option<Timestamp> {
    let tokens = tokens(text)?;
    let today = context.time_zone.to_datetime(exact(context.now)).date();
    let attempts = [Parser::now, Parser::relative, Parser::day_and_time, Parser::time_and_day];
    attempts.iter().find_map(|attempt| {
        let mut parser = Parser { tokens: &tokens, at: 0 };
        attempt(&mut parser, context, today).filter(|_| parser.is_done())
    })
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number {
        value: i64,
        digits: usize,
    },
    Word(String),
    /// `/`, `-`, `.` between digits, or `:`.
    Mark(char),
}

/// Words without case, accents and what only connects them; numbers apart from the letters that follow.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let plain: Vec<char> = text.chars().flat_map(char::to_lowercase).filter_map(plain).collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = plain.get(at) {
        let run = |is_part: &dyn Fn(usize, char) -> bool| {
            plain[at..].iter().enumerate().take_while(|(ahead, c)| is_part(at + ahead, **c)).count()
        };
        let is_letter = |position: usize| plain.get(position).is_some_and(|c| c.is_alphabetic());
        if first.is_ascii_digit() {
            let digits = run(&|_, c| c.is_ascii_digit());
            if digits > DIGITS_MAX {
                return None;
            }
            let value = plain[at..at + digits].iter().collect::<String>().parse().ok()?;
            tokens.push(Token::Number { value, digits });
            at += digits;
        } else if first.is_alphabetic() {
            // Hyphens, apostrophes and abbreviating points belong to a word: avant-hier, aujourd'hui, p.m.
            let length =
                run(&|position, c| c.is_alphabetic() || "-'.".contains(c) && (c == '.' || is_letter(position + 1)));
            let word: String = plain[at..at + length].iter().filter(|c| **c != '.').collect();
            let word = word.strip_prefix("l'").or(word.strip_prefix("d'")).unwrap_or(&word);
            if !["the", "on", "of", "le", "la", "les", "du", "de", "and", "et"].contains(&word) {
                tokens.push(Token::Word(word.into()));
            }
            at += length;
        } else if "/-.:@".contains(*first) {
            tokens.push(if *first == '@' { Token::Word("at".into()) } else { Token::Mark(*first) });
            at += 1;
        } else if first.is_whitespace() || *first == ',' {
            at += 1;
        } else {
            return None;
        }
    }
    Some(tokens)
}

/// A letter without its accent; combining accents vanish.
fn plain(c: char) -> Option<char> {
    match c {
        '\u{300}'..='\u{36f}' => None,
        'à' | 'â' | 'ä' => Some('a'),
        'ç' => Some('c'),
        'é' | 'è' | 'ê' | 'ë' => Some('e'),
        'î' | 'ï' => Some('i'),
        'ô' | 'ö' => Some('o'),
        'ù' | 'û' | 'ü' => Some('u'),
        '’' => Some('\''),
        other => Some(other),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "second" | "seconds" | "sec" | "secs" | "seconde" | "secondes" | "s" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" | "h" | "heure" | "heures" => Unit::Hour,
        "day" | "days" | "d" | "jour" | "jours" | "j" => Unit::Day,
        "week" | "weeks" | "semaine" | "semaines" => Unit::Week,
        "month" | "months" | "mois" => Unit::Month,
        "year" | "years" | "an" | "ans" | "annee" | "annees" => Unit::Year,
        _ => return None,
    })
}

fn month(word: &str) -> Option<i8> {
    Some(match word {
        "january" | "jan" | "janvier" | "janv" => 1,
        "february" | "feb" | "fevrier" | "fevr" | "fev" => 2,
        "march" | "mar" | "mars" => 3,
        "april" | "apr" | "avril" | "avr" => 4,
        "may" | "mai" => 5,
        "june" | "jun" | "juin" => 6,
        "july" | "jul" | "juillet" | "juil" => 7,
        "august" | "aug" | "aout" => 8,
        "september" | "sept" | "sep" | "septembre" => 9,
        "october" | "oct" | "octobre" => 10,
        "november" | "nov" | "novembre" => 11,
        "december" | "dec" | "decembre" => 12,
        _ => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" | "lundi" | "lun" => Weekday::Monday,
        "tuesday" | "tues" | "tue" | "mardi" => Weekday::Tuesday,
        "wednesday" | "wed" | "mercredi" | "mer" => Weekday::Wednesday,
        "thursday" | "thurs" | "thur" | "thu" | "jeudi" | "jeu" => Weekday::Thursday,
        "friday" | "fri" | "vendredi" | "ven" => Weekday::Friday,
        "saturday" | "sat" | "samedi" | "sam" => Weekday::Saturday,
        "sunday" | "sun" | "dimanche" | "dim" => Weekday::Sunday,
        _ => return None,
    })
}

/// Numbers in words, as far as people write them.
fn number_word(word: &str) -> Option<i64> {
    let words: [&[&str]; 10] = [
        &["a", "an", "one", "un", "une"],
        &["two", "deux"],
        &["three", "trois"],
        &["four", "quatre"],
        &["five", "cinq"],
        &["six"],
        &["seven", "sept"],
        &["eight", "huit"],
        &["nine", "neuf"],
        &["ten", "dix"],
    ];
    (1..).zip(words).find(|(_, words)| words.contains(&word)).map(|(number, _)| number)
}

/// Which of several weeks, months or weekdays.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Last,
    This,
    Next,
}

fn which(word: &str) -> Option<Which> {
    Some(match word {
        "last" | "previous" | "dernier" | "derniere" | "passe" | "passee" => Which::Last,
        "this" | "ce" | "cet" | "cette" => Which::This,
        "next" | "prochain" | "prochaine" => Which::Next,
        _ => return None,
    })
}

/// A day of a month, perhaps without its year.
struct MonthDay {
    year: Option<i16>,
    month: i8,
    day: i8,
}

impl MonthDay {
    /// Without a year: the latest that is not after `today`; February 29 may lie eight years back.
    fn resolve(&self, today: Date) -> Option<Date> {
        if let Some(year) = self.year {
            return Date::new(year, self.month, self.day).ok();
        }
        let years = (today.year().checked_sub(8)?..=today.year()).rev();
        years.filter_map(|year| Date::new(year, self.month, self.day).ok()).find(|date| *date <= today)
    }
}

/// Reads on from a place in the tokens. Every method takes what it understands, or nothing and answers none.
struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn is_done(&self) -> bool {
        self.at == self.tokens.len()
    }

    /// Takes what `read` takes; when it answers none, nothing.
    fn take<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let taken = read(self);
        if taken.is_none() {
            self.at = start;
        }
        taken
    }

    fn word<T>(&mut self, meaning: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return None };
        let meaning = meaning(word)?;
        self.at += 1;
        Some(meaning)
    }

    fn words(&mut self, words: &[&str]) -> Option<()> {
        self.take(|parser| words.iter().try_for_each(|word| parser.word(|next| (next == *word).then_some(()))))
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        (self.tokens.get(self.at)? == &Token::Mark(mark)).then(|| self.at += 1)
    }

    fn number(&mut self) -> Option<(i64, usize)> {
        let Some(Token::Number { value, digits }) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some((*value, *digits))
    }

    /// The present moment.
    fn now(&mut self, context: &Context, _: Date) -> Option<Timestamp> {
        self.word(|word| ["now", "maintenant"].contains(&word).then_some(context.now))
    }

    /// So much time before or after this moment, and perhaps a time of that day.
    fn relative(&mut self, context: &Context, _: Date) -> Option<Timestamp> {
        let before = self.words(&["il", "y", "a"]).map(|()| -1);
        let before = before.or_else(|| self.word(|word| ["in", "dans"].contains(&word).then_some(1)));
        let mut amounts = vec![self.amount()?];
        while let Some(amount) = self.amount() {
            amounts.push(amount);
        }
        let sign = before
            .or_else(|| self.words(&["ago"]).map(|()| -1))
            .or_else(|| self.words(&["from", "now"]).map(|()| 1))?;
        let is_of_days = amounts.iter().all(|(_, unit, _)| !matches!(unit, Unit::Second | Unit::Minute | Unit::Hour));
        let mut at = context.now;
        for (number, unit, is_business) in amounts {
            at = moved(at, number * sign, unit, is_business, context)?;
        }
        // An hour ago is a moment, and has no other time.
        match if is_of_days { self.time() } else { None } {
            Some(time) => moment(&context.time_zone, context.time_zone.to_datetime(exact(at)).date(), time),
            None => Some(at),
        }
    }

    /// `2 hours`, `une heure`, `6 business hours`, `1 jour ouvré`: how many, of what, whether only open time counts.
    fn amount(&mut self) -> Option<(i64, Unit, bool)> {
        self.take(|parser| {
            let number = parser.number().map(|(value, _)| value).or_else(|| parser.word(number_word))?;
            let before = parser.word(|word| ["business", "working"].contains(&word).then_some(()));
            let unit = parser.word(unit)?;
            let after = parser.word(|word| (word.starts_with("ouvre") || word.starts_with("ouvrable")).then_some(()));
            Some((number, unit, before.or(after).is_some()))
        })
    }

    fn day_and_time(&mut self, context: &Context, today: Date) -> Option<Timestamp> {
        let day = self.day(context, today)?;
        let time = if self.is_done() { Time::midnight() } else { self.time()? };
        moment(&context.time_zone, day, time)
    }

    fn time_and_day(&mut self, context: &Context, today: Date) -> Option<Timestamp> {
        let time = self.time()?;
        let day = if self.is_done() { today } else { self.day(context, today)? };
        moment(&context.time_zone, day, time)
    }

    fn day(&mut self, context: &Context, today: Date) -> Option<Date> {
        self.named_day(today)
            .or_else(|| self.take(|parser| parser.day_of_period(context, today)))
            .or_else(|| self.take(|parser| parser.period(context, today)))
            .or_else(|| self.take(|parser| parser.weekday_near(context, today)))
            .or_else(|| self.take(|parser| parser.month_day()?.resolve(today)))
            .or_else(|| self.take(|parser| parser.numeric_day(is_month_first(context.locale))?.0.resolve(today)))
    }

    fn named_day(&mut self, today: Date) -> Option<Date> {
        let before_yesterday = self.words(&["day", "before", "yesterday"]).map(|()| -2);
        let after_tomorrow = before_yesterday.or_else(|| self.words(&["day", "after", "tomorrow"]).map(|()| 2));
        let days = after_tomorrow.or_else(|| {
            self.word(|word| {
                Some(match word {
                    "avant-hier" => -2,
                    "yesterday" | "hier" => -1,
                    "today" | "aujourd'hui" => 0,
                    "tomorrow" | "demain" => 1,
                    "apres-demain" => 2,
                    _ => return None,
                })
            })
        })?;
        plus_days(today, days)
    }

    /// `4th day last week`, `3e jour du mois dernier`.
    fn day_of_period(&mut self, context: &Context, today: Date) -> Option<Date> {
        let number = self.ordinal()?;
        self.word(|word| ["day", "jour"].contains(&word).then_some(()))?;
        let (unit, first) = self.period_of(context, today)?;
        let day = plus_days(first, number - 1)?;
        let after = match unit {
            Unit::Week => plus_days(first, 7),
            Unit::Month => first.checked_add(Span::new().months(1)).ok(),
            _ => first.checked_add(Span::new().years(1)).ok(),
        };
        (number >= 1 && day < after?).then_some(day)
    }

    fn period(&mut self, context: &Context, today: Date) -> Option<Date> {
        self.period_of(context, today).map(|(_, first)| first)
    }

    /// `last week`, `le mois dernier`, `this year`: what it is, and its first day.
    fn period_of(&mut self, context: &Context, today: Date) -> Option<(Unit, Date)> {
        let (unit, which) = self.with_which(unit)?;
        let steps = match which? {
            Which::Last => -1,
            Which::This => 0,
            Which::Next => 1,
        };
        let first = match unit {
            Unit::Week => {
                let since = today.weekday().since(context.first_weekday);
                plus_days(today, steps * 7 - i64::from(since))
            }
            Unit::Month => today.first_of_month().checked_add(Span::new().months(steps)).ok(),
            Unit::Year => today.first_of_year().checked_add(Span::new().years(steps)).ok(),
            _ => None,
        };
        Some((unit, first?))
    }

    /// A word, with `last`, `this` or `next` before it or their French fellows around it.
    fn with_which<T>(&mut self, meaning: impl FnOnce(&str) -> Option<T>) -> Option<(T, Option<Which>)> {
        let before = self.word(which);
        // "ce mois-ci" is one word.
        let meaning = self.word(|word| meaning(word.strip_suffix("-ci").unwrap_or(word)))?;
        let after = if before.is_none() { self.word(which) } else { None };
        Some((meaning, before.or(after)))
    }

    fn weekday_near(&mut self, context: &Context, today: Date) -> Option<Date> {
        let (weekday, which) = self.with_which(weekday)?;
        let back = i64::from(today.weekday().since(weekday));
        match which {
            None => plus_days(today, -back),
            Some(Which::Last) => plus_days(today, if back == 0 { -7 } else { -back }),
            Some(Which::Next) => plus_days(today, 7 - back),
            Some(Which::This) => {
                let first = i64::from(today.weekday().since(context.first_weekday));
                plus_days(today, i64::from(weekday.since(context.first_weekday)) - first)
            }
        }
    }

    /// `dec 25`, `25 décembre`, `december 25th, 2020`; a month alone is its first day.
    fn month_day(&mut self) -> Option<MonthDay> {
        let day_first = self.take(|parser| Some((parser.ordinal()?, parser.word(month)?)));
        let (day, month) = match day_first {
            Some(found) => found,
            None => {
                let month = self.word(month)?;
                // "dec 2020" holds no day, "dec 25 20:00" no year.
                let day = self.take(|parser| parser.ordinal().filter(|day| *day <= 31));
                (day.unwrap_or(1), month)
            }
        };
        let year = self.take(|parser| parser.number().filter(|(_, digits)| *digits == 4));
        let year = year.map(|(year, _)| i16::try_from(year)).transpose().ok()?;
        Some(MonthDay { year, month, day: i8::try_from(day).ok()? })
    }

    /// `4`, `4th`, `1er`, `4ème`.
    fn ordinal(&mut self) -> Option<i64> {
        let (number, _) = self.number()?;
        self.word(|word| ["st", "nd", "rd", "th", "er", "ere", "e", "eme"].contains(&word).then_some(()));
        Some(number)
    }

    /// `03/04/2011`, `3-4-11`, `03.04.2011`, `2011/04/03`, `03/04`; and whether the year was given. Where the numbers go
    /// together only in the other order, that is meant; but with points the day always comes first, and without a year
    /// `12.30` is a time to many, and no day.
    fn numeric_day(&mut self, month_first: bool) -> Option<(MonthDay, bool)> {
        let (first, digits) = self.number()?;
        let mark = ['/', '-', '.'].into_iter().find(|mark| self.mark(*mark).is_some())?;
        let (second, _) = self.number()?;
        let third = self.take(|parser| parser.mark(mark).and_then(|()| parser.number()));
        let (year, month, day) = match (digits, third) {
            (4, Some((third, _))) => (Some(first), second, third),
            (4, None) | (_, Some((_, 1 | 3 | 5..))) => return None,
            (_, third) => {
                let century = |(year, digits): (i64, usize)| if digits == 2 { 2000 + year } else { year };
                let (month, day) = if month_first && mark != '.' { (first, second) } else { (second, first) };
                let (month, day) = if month > 12 && mark != '.' { (day, month) } else { (month, day) };
                (third.map(century), month, day)
            }
        };
        let year = year.map(i16::try_from).transpose().ok()?;
        let is_given = year.is_some();
        Some((MonthDay { year, month: i8::try_from(month).ok()?, day: i8::try_from(day).ok()? }, is_given))
    }

    /// `at 4pm`, `à 20h30`, `20:00`, `noon`. A number alone needs the word before it.
    fn time(&mut self) -> Option<Time> {
        self.take(|parser| {
            let announced = parser.word(|word| ["at", "a"].contains(&word).then_some(())).is_some();
            let named = parser.word(|word| {
                Some(match word {
                    "noon" | "midi" => 12,
                    "midnight" | "minuit" => 0,
                    _ => return None,
                })
            });
            if let Some(hour) = named {
                return Time::new(hour, 0, 0, 0).ok();
            }
            let (mut hour, _) = parser.number()?;
            let (mut minute, mut second, mut is_certain) = (0, 0, announced);
            if parser.mark(':').is_some() {
                minute = parser.two_digits()?;
                second = if parser.mark(':').is_some() { parser.two_digits()? } else { 0 };
                is_certain = true;
            } else if parser.word(|word| ["h", "heure", "heures"].contains(&word).then_some(())).is_some() {
                minute = parser.two_digits().unwrap_or(0);
                is_certain = true;
            }
            let is_pm = parser.word(|word| ["am", "pm"].contains(&word).then_some(word == "pm"));
            if let Some(is_pm) = is_pm {
                if !(1..=12).contains(&hour) {
                    return None;
                }
                hour = hour % 12 + if is_pm { 12 } else { 0 };
                is_certain = true;
            }
            let part = |number: i64| i8::try_from(number).ok();
            Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok().filter(|_| is_certain)
        })
    }

    fn two_digits(&mut self) -> Option<i64> {
        self.take(|parser| parser.number().filter(|(_, digits)| *digits == 2).map(|(value, _)| value))
    }
}

fn plus_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// Hours and less pass by the clock of physics, days and more by the calendar, business time while the place is open.
fn moved(at: Timestamp, number: i64, unit: Unit, is_business: bool, context: &Context) -> Option<Timestamp> {
    let seconds = match unit {
        Unit::Second => Some(1),
        Unit::Minute => Some(60),
        Unit::Hour => Some(3_600),
        _ => None,
    };
    match (seconds, context.business.filter(|_| is_business)) {
        (Some(seconds), Some(hours)) => hours.plus_seconds(at, number * seconds),
        (Some(seconds), None) => Some(at.plus_seconds(number * seconds)),
        (None, Some(hours)) if unit == Unit::Day => hours.plus_days(at, number),
        (None, None) if !is_business || unit == Unit::Day => {
            let span = match unit {
                Unit::Week => Span::new().try_weeks(number),
                Unit::Month => Span::new().try_months(number),
                Unit::Year => Span::new().try_years(number),
                _ => Span::new().try_days(number),
            };
            let civil = context.time_zone.to_datetime(exact(at)).checked_add(span.ok()?).ok()?;
            moment(&context.time_zone, civil.date(), civil.time())
        }
        // There are no business weeks.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::business_time::Hours;
    use crate::time_zones;

    /// Saturday, 28 November 2026, 15:30 in Paris.
    const NOW: &str = "2026-11-28T14:30:00Z";

    fn read(text: &str, locale: &str) -> Option<String> {
        let day = Hours::parse("32400-64800").unwrap();
        let week = [day.clone(), day.clone(), day.clone(), day.clone(), day, Hours::default(), Hours::default()];
        let zone = time_zones::find("Europe/Paris").unwrap();
        let hours = BusinessHours::new(zone.clone(), week, []);
        let context = Context {
            now: Timestamp::parse_iso(NOW).unwrap(),
            locale,
            time_zone: zone.clone(),
            first_weekday: Weekday::Monday,
            business: Some(&hours),
        };
        let at = parse(text, &context)?;
        Some(zone.to_datetime(exact(at)).strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (texts, expected) in [
            // The documented examples, and what they are in French.
            (&["yesterday", "hier", " Yesterday ", "HIER"][..], "2026-11-27 00:00:00"),
            (&["last month", "le mois dernier", "mois passé", "previous month"], "2026-10-01 00:00:00"),
            (&["2011-02-03"], "2011-02-03 00:00:00"),
            (
                &["2011-02-03 14:27:33", "2011-02-03T14:27:33", "2011-02-03T13:27:33Z", "2011-02-03T14:27:33+01:00"],
                "2011-02-03 14:27:33",
            ),
            (
                &["2 hours ago", "il y a 2 heures", "two hours ago", "Il y a deux heures", "2h ago", "il y a 2h"],
                "2026-11-28 13:30:00",
            ),
            (
                &["2 weeks ago at 4pm", "il y a 2 semaines à 16h", "2 weeks ago at 16:00", "2 weeks ago 4 p.m."],
                "2026-11-14 16:00:00",
            ),
            (
                &[
                    "last friday at 20:00",
                    "vendredi dernier à 20h",
                    "le vendredi dernier à 20 heures",
                    "last fri at 8pm",
                    "20:00 last friday",
                ],
                "2026-11-27 20:00:00",
            ),
            (
                &[
                    "4th day last week",
                    "4e jour de la semaine dernière",
                    "4th day of last week",
                    "4ème jour la semaine passée",
                ],
                "2026-11-19 00:00:00",
            ),
            (
                &[
                    "dec 25",
                    "25 dec",
                    "25 déc.",
                    "25 décembre",
                    "december 25th",
                    "the 25th of December",
                    "le 25 décembre",
                    "Dec 25, 2025",
                ],
                "2025-12-25 00:00:00",
            ),
            (&["january 5 at 4", "5 janvier à 4h", "5 janv. 2026 à 4:00", "jan 5 at 4am"], "2026-01-05 04:00:00"),
            (&["6 business hours ago", "il y a 6 heures ouvrées", "6 working hours ago"], "2026-11-27 12:00:00"),
            (
                &["20 business minutes from now", "dans 20 minutes ouvrées", "in 20 business minutes"],
                "2026-11-30 09:20:00",
            ),
            (&["1 business day ago", "il y a 1 jour ouvré", "il y a un jour ouvrable"], "2026-11-27 15:30:00"),
            // Others.
            (&["now", "maintenant"], "2026-11-28 15:30:00"),
            (&["today", "aujourd'hui", "aujourd’hui", "saturday", "samedi", "nov 28"], "2026-11-28 00:00:00"),
            (&["tomorrow at noon", "demain à midi"], "2026-11-29 12:00:00"),
            (&["day before yesterday", "the day before yesterday", "avant-hier"], "2026-11-26 00:00:00"),
            (&["après-demain", "apre\u{300}s-demain", "the day after tomorrow"], "2026-11-30 00:00:00"),
            (&["friday", "vendredi", "last friday", "ven."], "2026-11-27 00:00:00"),
            (&["last saturday", "samedi dernier"], "2026-11-21 00:00:00"),
            (&["next friday", "vendredi prochain"], "2026-12-04 00:00:00"),
            (&["next saturday"], "2026-12-05 00:00:00"),
            (&["this friday", "ce vendredi"], "2026-11-27 00:00:00"),
            (&["last week", "la semaine dernière", "semaine passée"], "2026-11-16 00:00:00"),
            (&["this week", "cette semaine", "cette semaine-ci"], "2026-11-23 00:00:00"),
            (&["this month", "ce mois-ci", "november", "novembre", "nov 2026"], "2026-11-01 00:00:00"),
            (&["last year", "l'année dernière", "l’an dernier"], "2025-01-01 00:00:00"),
            (&["next month", "le mois prochain"], "2026-12-01 00:00:00"),
            (&["december", "décembre 2025"], "2025-12-01 00:00:00"),
            (&["feb 29", "29 février"], "2024-02-29 00:00:00"),
            (&["1er janvier", "january 1st"], "2026-01-01 00:00:00"),
            (&["a month ago", "il y a un mois", "1 month ago"], "2026-10-28 15:30:00"),
            (&["a year and 2 days ago", "il y a un an et 2 jours"], "2025-11-26 15:30:00"),
            (&["1 hour and 30 minutes ago", "1 hour 30 minutes ago"], "2026-11-28 14:00:00"),
            (&["3 months ago"], "2026-08-28 15:30:00"),
            (&["at 4pm", "16:00", "à 16h", "16h00", "today at 16"], "2026-11-28 16:00:00"),
            (
                &["yesterday 20:00", "hier 20h", "yesterday @ 8pm", "at 8pm yesterday", "hier à 20h00"],
                "2026-11-27 20:00:00",
            ),
            (&["12am", "midnight", "minuit", "0:00"], "2026-11-28 00:00:00"),
            (&["12pm", "12:00:00"], "2026-11-28 12:00:00"),
            (&["dec 25 20:15", "25 décembre 20h15"], "2025-12-25 20:15:00"),
            (&["2011/02/03", "3.2.2011", "03.02.11"], "2011-02-03 00:00:00"),
            // The clocks skip 02:30 on this day.
            (&["2026-03-29 02:30"], "2026-03-29 03:30:00"),
        ] {
            for text in texts {
                for locale in ["en", "fr"] {
                    assert_eq!(read(text, locale).as_deref(), Some(expected), "{text} ({locale})");
                }
            }
        }
    }

    #[test]
    fn the_order_of_numbers_follows_the_locale() {
        for (text, locale, expected) in [
            ("03/04/2011", "en", "2011-03-04"),
            ("03/04/2011", "en-US", "2011-03-04"),
            ("03/04/2011", "fr", "2011-04-03"),
            ("03/04/2011", "en-GB", "2011-04-03"),
            ("03/17/2011", "en", "2011-03-17"),
            ("03/17/2011", "fr", "2011-03-17"),
            ("17/03/2011", "en", "2011-03-17"),
            ("3-4-11", "fr", "2011-04-03"),
            ("12/01", "en", "2025-12-01"),
            ("12/01", "fr", "2026-01-12"),
        ] {
            assert_eq!(read(text, locale), Some(format!("{expected} 00:00:00")), "{text} {locale}");
        }
        assert_eq!(read("03/04/2011 at 4pm", "fr").unwrap(), "2011-04-03 16:00:00");
        for (text, expected) in [
            ("12/25/2026", Some("2026-12-25")),
            ("2026-12-25", Some("2026-12-25")),
            ("25.12.2026", Some("2026-12-25")),
            ("12/25", None),
            ("yesterday", None),
            ("2026-02-30", None),
            ("", None),
        ] {
            assert_eq!(parse_day(text, "en").map(|date| date.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_date() {
        for text in [
            "",
            " ",
            "soon",
            "bientôt",
            "4",
            "last",
            "ago",
            "2 ago",
            "2 hours",
            "hours ago",
            "yesterday yesterday",
            "feb 30",
            "30 février",
            "32 dec",
            "13/13/2011",
            "03.17.2011",
            "12.30",
            "2011-02-30",
            "2011-13-01",
            "at 25",
            "at 13pm",
            "0am",
            "20:60",
            "20:5",
            "2 hours ago at 4pm",
            "2 business weeks ago",
            "1234567 days ago",
            "999999 years ago",
            "999999 business hours ago",
            "0th day last week",
            "8th day last week",
            "32nd day last month",
            "4th day yesterday",
            "2011",
            "now now",
            "\u{0}",
            "1/2/3",
            "1/2/345",
            "dec 25 12345",
            "2026-11-28 foo",
            "!",
            "🙂",
            "yesterday!",
            "-1 days ago",
            "2011-02",
        ] {
            assert_eq!(read(text, "en"), None, "{text}");
            assert_eq!(read(text, "fr"), None, "{text}");
        }
        assert_eq!(read(&"a".repeat(101), "en"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", now in any::<i64>(), locale in "(en|fr|de)?") {
            check(&text, now, &locale);
        }

        #[test]
        fn any_words_are_read_or_refused(
            words in prop::collection::vec(prop::sample::select(vec![
                "last", "next", "this", "dernier", "friday", "vendredi", "week", "month", "an", "4", "25", "2011", "999999", "0",
                "th", "day", "jour", "dec", "fév", "at", "à", "20", "h", ":", "30", "pm", "ago", "il y a", "dans", "in", "hours",
                "business", "ouvrées", "from now", "yesterday", "hier", "/", "-", ".", "noon", "years", "and", "l'", "now",
            ]), 0..7),
            now in any::<i64>(),
            spaced in any::<bool>(),
        ) {
            check(&words.join(if spaced { " " } else { "" }), now, "fr");
        }
    }

    fn check(text: &str, now: i64, locale: &str) {
        let hours = BusinessHours::new(TimeZone::UTC, std::array::from_fn(|_| Hours::parse("0-3600").unwrap()), []);
        for time_zone in [TimeZone::UTC, time_zones::find("Pacific/Apia").unwrap()] {
            let context = Context {
                now: Timestamp::from_micros(now),
                locale,
                time_zone,
                first_weekday: Weekday::Sunday,
                business: Some(&hours),
            };
            parse(text, &context);
            parse_day(text, locale);
        }
    }
}
