//! What is looked at again for changes: new answers do not lift a thread in the list, and nobody tells what was edited or
//! deleted. The longer nothing was written in a thread, the seldomer it is looked at.

/// How a thread of some age is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Seconds to the next look.
    pub again_seconds: i64,
    /// Whether all answers are read again, also if there are as many as before: one may have been edited.
    pub in_depth: bool,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Up to so many seconds since the last content: seconds from one look to the next, and whether in depth.
const AGES: [(i64, i64, bool); 4] =
    [(3 * HOUR, 5 * MINUTE, true), (DAY, HOUR, true), (7 * DAY, 6 * HOUR, false), (30 * DAY, DAY, false)];

/// How a thread is looked at in which nothing was written for so many seconds; none when it is not any more.
pub fn look(age_seconds: i64) -> Option<Look> {
    let (_, again_seconds, in_depth) = AGES.into_iter().find(|(up_to, _, _)| age_seconds < *up_to)?;
    Some(Look { again_seconds, in_depth })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_threads_are_looked_at_seldomer_and_at_last_not_at_all() {
        let again = |age| look(age).map(|look| look.again_seconds);
        assert_eq!((again(-5), again(0), again(3 * HOUR - 1)), (Some(300), Some(300), Some(300)));
        assert_eq!(
            (again(3 * HOUR), again(DAY), again(29 * DAY), again(30 * DAY)),
            (Some(HOUR), Some(6 * HOUR), Some(DAY), None)
        );
        assert!(AGES.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        assert!(look(0).unwrap().in_depth && !look(2 * DAY).unwrap().in_depth);
    }
}
