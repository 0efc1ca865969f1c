//! Lists that somebody else has written.

use std::collections::HashSet;
use std::hash::Hash;

/// What is in a list, each once, in the order of first mention. Time grows with the length alone, however long it is.
pub fn each_once<T: Clone + Eq + Hash>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(|item| seen.insert(item.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_stands_where_it_was_named_first() {
        assert_eq!(each_once([3, 1, 3, 2, 1]), [3, 1, 2]);
        assert!(each_once(Vec::<u8>::new()).is_empty());
    }
}
