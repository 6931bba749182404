//! "Did you mean ...?": the known word that is nearest to an unknown one.

use std::fmt;

/// Displayed behind a message: `; did you mean 'status'?`, or nothing where no known word is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion(Option<&'static str>);

impl Suggestion {
    /// The known word that needs the fewest changes to become `word`: at most two, and fewer than `word` has letters.
    pub fn of(word: &str, known: impl Iterator<Item = &'static str>) -> Suggestion {
        let mut best = None;
        let mut limit = 2.min(word.len().saturating_sub(1));
        for candidate in known {
            let distance = distance(word.as_bytes(), candidate.as_bytes());
            if distance < limit || (distance == limit && best.is_none()) {
                (best, limit) = (Some(candidate), distance);
            }
        }
        Suggestion(best)
    }

    /// The word, if there is one.
    pub fn word(self) -> Option<&'static str> {
        self.0
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(word) => write!(f, "; did you mean '{word}'?"),
            None => Ok(()),
        }
    }
}

/// How many letters have to be put in, taken out, replaced or exchanged with their neighbour (the optimal string alignment
/// distance; Boytsov, "Indexing methods for approximate dictionary searching", 2011). Case does not count.
fn distance(one: &[u8], other: &[u8]) -> usize {
    // A longer word is near to nothing.
    if one.len() > 32 {
        return one.len();
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (place, wanted) in other.iter().enumerate() {
            let same = |one: Option<&u8>, other: Option<&u8>| {
                one.zip(other).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
            };
            let replaced = at(&last, place) + usize::from(!same(Some(letter), Some(wanted)));
            let mut best = replaced.min(at(&last, place + 1) + 1).min(at(&next, place) + 1);
            let neighbours = row > 0
                && place > 0
                && same(Some(letter), other.get(place - 1))
                && same(one.get(row - 1), Some(wanted));
            if neighbours {
                best = best.min(at(&before, place - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    at(&last, other.len())
}
