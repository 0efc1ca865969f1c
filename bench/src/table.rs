//! The table: what, reference, product, ratio, bar, met.

use std::fmt::Write;

/// Several measurements of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(pub(crate) Vec<f64>);

impl Sample {
    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[length / 2],
            length => (sorted[length / 2 - 1] + sorted[length / 2]) / 2.0,
        }
    }

    fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn greatest(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// `12,345 [11,900..13,000]`.
    pub(crate) fn rate(&self) -> String {
        format!("{}/s [{}..{}]", grouped(self.median()), grouped(self.least()), grouped(self.greatest()))
    }

    /// `0.41 ms [0.40..0.52]`, of microseconds.
    fn time(&self) -> String {
        format!("{:.2} ms [{:.2}..{:.2}]", self.median() / 1e3, self.least() / 1e3, self.greatest() / 1e3)
    }
}

/// A whole number with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One line of the table.
pub(crate) struct Line {
    what: String,
    reference: String,
    product: String,
    ratio: String,
    bar: String,
    /// None: there is no bar.
    met: Option<bool>,
}

impl Line {
    /// Rates of the product over rates of the reference, which ran in turns. The ratio is that of the medians; its
    /// spread is that of the rounds.
    pub(crate) fn ratio(what: &str, reference: &Sample, product: &Sample, at_least: f64) -> Line {
        let ratio = product.median() / reference.median();
        let rounds =
            Sample(product.0.iter().zip(&reference.0).map(|(product, reference)| product / reference).collect());
        Line {
            what: what.into(),
            reference: reference.rate(),
            product: product.rate(),
            ratio: format!("{ratio:.2} [{:.2}..{:.2}]", rounds.least(), rounds.greatest()),
            bar: format!("at least {at_least}"),
            met: Some(ratio >= at_least),
        }
    }

    /// Times of a large store over those of a small one, in microseconds. Without a bar it only informs.
    pub(crate) fn growth(what: &str, small: &Sample, large: &Sample, at_most: Option<f64>) -> Line {
        let ratio = large.median() / small.median();
        let rounds = Sample(large.0.iter().zip(&small.0).map(|(large, small)| large / small).collect());
        Line {
            what: what.into(),
            reference: small.time(),
            product: large.time(),
            ratio: format!("{ratio:.2} [{:.2}..{:.2}]", rounds.least(), rounds.greatest()),
            bar: at_most.map_or_else(|| "finds more".into(), |at_most| format!("at most {at_most}")),
            met: at_most.map(|at_most| ratio <= at_most),
        }
    }

    /// The 99th percentile of a time over that of a sync of the disk, in microseconds; the median is shown beside it.
    pub(crate) fn syncs(what: &str, sync: f64, p50: f64, p99: f64, at_most: f64) -> Line {
        let ratio = p99 / sync;
        Line {
            what: what.into(),
            reference: format!("{:.2} ms", sync / 1e3),
            product: format!("{:.1} ms, {:.1} ms", p50 / 1e3, p99 / 1e3),
            ratio: format!("{ratio:.1}"),
            bar: format!("at most {at_most}"),
            met: Some(ratio <= at_most),
        }
    }

    /// A figure with an upper limit.
    pub(crate) fn below(what: &str, product: f64, limit: f64, unit: &str) -> Line {
        Line {
            what: what.into(),
            reference: String::new(),
            product: format!("{product:.2} {unit}"),
            ratio: String::new(),
            bar: format!("under {limit} {unit}"),
            met: Some(product < limit),
        }
    }

    /// A figure that only informs.
    pub(crate) fn note(what: &str, reference: String, product: String) -> Line {
        Line { what: what.into(), reference, product, ratio: String::new(), bar: String::new(), met: None }
    }

    /// Whether a bar is missed.
    pub(crate) fn is_missed(&self) -> bool {
        self.met == Some(false)
    }

    fn cells(&self) -> [&str; 6] {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        [&self.what, &self.reference, &self.product, &self.ratio, &self.bar, met]
    }
}

/// The lines in columns, as a table of Markdown.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = ["what", "reference", "product", "ratio", "bar", "met"];
    let rows: Vec<[&str; 6]> = std::iter::once(head).chain(lines.iter().map(Line::cells)).collect();
    let widths: Vec<usize> =
        (0..6).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to memory cannot fail.
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(text, "| {} ", "-".repeat(*width));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_medians_with_the_spread_of_the_rounds() {
        let line = Line::ratio("x", &Sample(vec![100.0, 90.0, 1200.0]), &Sample(vec![50.0, 81.0, 600.0]), 0.8);
        assert_eq!(
            line.cells(),
            ["x", "100/s [90..1,200]", "81/s [50..600]", "0.81 [0.50..0.90]", "at least 0.8", "met"]
        );
        assert!(!line.is_missed());
    }

    #[test]
    fn growth_is_the_large_store_over_the_small_one() {
        let line = Line::growth("x", &Sample(vec![200.0]), &Sample(vec![500.0]), Some(1.5));
        assert_eq!(
            line.cells(),
            ["x", "0.20 ms [0.20..0.20]", "0.50 ms [0.50..0.50]", "2.50 [2.50..2.50]", "at most 1.5", "MISSED"]
        );
        assert!(!Line::syncs("x", 400.0, 100.0, 3_200.0, 8.0).is_missed());
    }

    #[test]
    fn a_missed_bar_is_told() {
        let line = Line::below("memory", 61.5, 60.0, "MB");
        assert!(line.is_missed());
        assert_eq!(line.cells(), ["memory", "", "61.50 MB", "", "under 60 MB", "MISSED"]);
    }

    #[test]
    fn the_columns_stand_under_each_other() {
        let text = table(&[Line::note("é", "a".into(), "b".into()), Line::below("x", 1.0, 2.0, "s")]);
        let lengths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0.4, 999.0, 1000.0, 1234567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(Sample(vec![1.0, 2.0]).median(), 1.5);
    }
}
