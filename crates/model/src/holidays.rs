//! Public holidays of the regions for which time sheets can be begun: those of the whole country, with the
//! days on which they are kept where another one is observed instead.

use jiff::Span;
use jiff::civil::Date;
use jiff::civil::Weekday::{self, Monday, Thursday};

/// The regions.
pub const REGIONS: [&str; 7] = ["de", "es", "fr", "gb", "it", "nl", "us"];

/// A holiday: its date and its name in the region's language.
pub type Holiday = (Date, &'static str);

/// The holidays of one year in order; none for an unknown region or a year that calendars do not reach.
pub fn of(region: &str, year: i16) -> Vec<Holiday> {
    let Some(year) = Year::new(year) else { return Vec::new() };
    let mut found = match region {
        "de" => year.germany(),
        "es" => year.spain(),
        "fr" => year.france(),
        "gb" => year.britain(),
        "it" => year.italy(),
        "nl" => year.netherlands(),
        "us" => year.america(),
        _ => Vec::new(),
    };
    found.sort_unstable();
    found
}

struct Year {
    year: i16,
    easter: Date,
}

impl Year {
    fn new(year: i16) -> Option<Year> {
        (1900..=2200).contains(&year).then(|| Year { year, easter: easter(year) })
    }

    fn on(&self, month: i8, day: i8) -> Date {
        Date::new(self.year, month, day).unwrap_or(self.easter)
    }

    /// So many days after Easter Sunday.
    fn easter(&self, days: i32) -> Date {
        plus(self.easter, days)
    }

    /// The n-th such weekday of a month; -1 is the last.
    fn nth(&self, n: i8, weekday: Weekday, month: i8) -> Date {
        self.on(month, 1).nth_weekday_of_month(n, weekday).unwrap_or(self.easter)
    }

    fn germany(&self) -> Vec<Holiday> {
        vec![
            (self.on(1, 1), "Neujahr"),
            (self.easter(-2), "Karfreitag"),
            (self.easter(1), "Ostermontag"),
            (self.on(5, 1), "Tag der Arbeit"),
            (self.easter(39), "Christi Himmelfahrt"),
            (self.easter(50), "Pfingstmontag"),
            (self.on(10, 3), "Tag der Deutschen Einheit"),
            (self.on(12, 25), "1. Weihnachtstag"),
            (self.on(12, 26), "2. Weihnachtstag"),
        ]
    }

    fn spain(&self) -> Vec<Holiday> {
        vec![
            (self.on(1, 1), "Año Nuevo"),
            (self.on(1, 6), "Epifanía del Señor"),
            (self.easter(-2), "Viernes Santo"),
            (self.on(5, 1), "Fiesta del Trabajo"),
            (self.on(8, 15), "Asunción de la Virgen"),
            (self.on(10, 12), "Fiesta Nacional de España"),
            (self.on(11, 1), "Todos los Santos"),
            (self.on(12, 6), "Día de la Constitución"),
            (self.on(12, 8), "Inmaculada Concepción"),
            (self.on(12, 25), "Navidad"),
        ]
    }

    fn france(&self) -> Vec<Holiday> {
        vec![
            (self.on(1, 1), "Jour de l'an"),
            (self.easter(1), "Lundi de Pâques"),
            (self.on(5, 1), "Fête du Travail"),
            (self.on(5, 8), "Victoire 1945"),
            (self.easter(39), "Ascension"),
            (self.easter(50), "Lundi de Pentecôte"),
            (self.on(7, 14), "Fête nationale"),
            (self.on(8, 15), "Assomption"),
            (self.on(11, 1), "Toussaint"),
            (self.on(11, 11), "Armistice 1918"),
            (self.on(12, 25), "Noël"),
        ]
    }

    /// Bank holidays of England and Wales; those on a weekend are kept on the next free weekday.
    fn britain(&self) -> Vec<Holiday> {
        let christmas = self.on(12, 25);
        let (christmas, boxing) = match christmas.weekday() {
            Weekday::Friday => (christmas, plus(christmas, 3)),
            Weekday::Saturday => (plus(christmas, 2), plus(christmas, 3)),
            Weekday::Sunday => (plus(christmas, 2), plus(christmas, 1)),
            _ => (christmas, plus(christmas, 1)),
        };
        let new_year = match self.on(1, 1).weekday() {
            Weekday::Saturday => self.on(1, 3),
            Weekday::Sunday => self.on(1, 2),
            _ => self.on(1, 1),
        };
        vec![
            (new_year, "New Year's Day"),
            (self.easter(-2), "Good Friday"),
            (self.easter(1), "Easter Monday"),
            (self.nth(1, Monday, 5), "Early May bank holiday"),
            (self.nth(-1, Monday, 5), "Spring bank holiday"),
            (self.nth(-1, Monday, 8), "Summer bank holiday"),
            (christmas, "Christmas Day"),
            (boxing, "Boxing Day"),
        ]
    }

    fn italy(&self) -> Vec<Holiday> {
        let mut found = vec![
            (self.on(1, 1), "Capodanno"),
            (self.on(1, 6), "Epifania"),
            (self.easter(0), "Pasqua"),
            (self.easter(1), "Lunedì dell'Angelo"),
            (self.on(4, 25), "Festa della Liberazione"),
            (self.on(5, 1), "Festa del Lavoro"),
            (self.on(6, 2), "Festa della Repubblica"),
            (self.on(8, 15), "Assunzione"),
            (self.on(11, 1), "Ognissanti"),
            (self.on(12, 8), "Immacolata Concezione"),
            (self.on(12, 25), "Natale"),
            (self.on(12, 26), "Santo Stefano"),
        ];
        // A holiday again by a law of 2025.
        if self.year >= 2026 {
            found.push((self.on(10, 4), "San Francesco d'Assisi"));
        }
        found
    }

    fn netherlands(&self) -> Vec<Holiday> {
        let kings_day = self.on(4, 27);
        let kings_day = if kings_day.weekday() == Weekday::Sunday { self.on(4, 26) } else { kings_day };
        let mut found = vec![
            (self.on(1, 1), "Nieuwjaarsdag"),
            (self.easter(0), "Eerste paasdag"),
            (self.easter(1), "Tweede paasdag"),
            (kings_day, "Koningsdag"),
            (self.easter(39), "Hemelvaartsdag"),
            (self.easter(49), "Eerste pinksterdag"),
            (self.easter(50), "Tweede pinksterdag"),
            (self.on(12, 25), "Eerste kerstdag"),
            (self.on(12, 26), "Tweede kerstdag"),
        ];
        // Most people are free on it every five years.
        if self.year % 5 == 0 {
            found.push((self.on(5, 5), "Bevrijdingsdag"));
        }
        found
    }

    /// Federal holidays, on the days on which they are observed.
    fn america(&self) -> Vec<Holiday> {
        let observed = |date: Date| match date.weekday() {
            Weekday::Saturday => plus(date, -1),
            Weekday::Sunday => plus(date, 1),
            _ => date,
        };
        vec![
            (observed(self.on(1, 1)), "New Year's Day"),
            (self.nth(3, Monday, 1), "Martin Luther King Jr. Day"),
            (self.nth(3, Monday, 2), "Washington's Birthday"),
            (self.nth(-1, Monday, 5), "Memorial Day"),
            (observed(self.on(6, 19)), "Juneteenth"),
            (observed(self.on(7, 4)), "Independence Day"),
            (self.nth(1, Monday, 9), "Labor Day"),
            (self.nth(2, Monday, 10), "Columbus Day"),
            (observed(self.on(11, 11)), "Veterans Day"),
            (self.nth(4, Thursday, 11), "Thanksgiving Day"),
            (observed(self.on(12, 25)), "Christmas Day"),
        ]
    }
}

fn plus(date: Date, days: i32) -> Date {
    date.checked_add(Span::new().days(days)).unwrap_or(date)
}

/// Easter Sunday of a year after 1583, by the anonymous Gregorian computus.
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, in_century) = (year % 19, year / 100, year % 100);
    let skipped = (century + 8) / 25;
    let moon = (19 * golden + century - century / 4 - (century - skipped + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - moon - in_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * late + 114;
    let part = |number: i32| i8::try_from(number).unwrap_or(1);
    Date::new(i16::try_from(year).unwrap_or(1900), part(days / 31), part(days % 31 + 1)).unwrap_or(Date::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_when_the_church_keeps_it() {
        for date in [
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2038-04-25",
        ] {
            let date: Date = date.parse().unwrap();
            assert_eq!(easter(date.year()), date);
        }
    }

    #[test]
    fn holidays_are_those_of_the_region() {
        for (region, date, name) in [
            ("fr", "2026-05-14", "Ascension"),
            ("fr", "2026-05-25", "Lundi de Pentecôte"),
            ("de", "2026-04-03", "Karfreitag"),
            ("es", "2026-12-08", "Inmaculada Concepción"),
            ("it", "2026-10-04", "San Francesco d'Assisi"),
            ("nl", "2025-04-26", "Koningsdag"),
            ("nl", "2025-05-05", "Bevrijdingsdag"),
            ("gb", "2026-05-25", "Spring bank holiday"),
            ("gb", "2026-12-28", "Boxing Day"),
            ("gb", "2027-12-27", "Christmas Day"),
            ("gb", "2027-12-28", "Boxing Day"),
            ("gb", "2022-01-03", "New Year's Day"),
            ("us", "2026-07-03", "Independence Day"),
            ("us", "2026-11-26", "Thanksgiving Day"),
            ("us", "2027-06-18", "Juneteenth"),
        ] {
            let date: Date = date.parse().unwrap();
            assert!(of(region, date.year()).contains(&(date, name)), "{region} {date}");
        }
        for region in REGIONS {
            for year in 1900..=2200 {
                assert!(of(region, year).len() >= 8, "{region} {year}");
            }
        }
        assert!(of("xx", 2026).is_empty() && of("fr", -5).is_empty() && of("fr", i16::MAX).is_empty());
    }
}
