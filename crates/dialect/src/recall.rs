//! Answers of a function for texts that it has met lately in a column.

/// Most slots; a power of two. A batch has 8,192 rows or fewer.
const MAX_SLOTS: usize = 1 << 12;

const NONE: u32 = u32::MAX;

/// Remembers answers by the views of a column's texts (Arrow's 128-bit views: equal ones are equal texts).
///
/// A column that was read from a Parquet dictionary repeats the views of the dictionary, so that a function has to be
/// worked once for each of its values instead of once for each row.
pub(crate) struct Recall<T> {
    /// View and index of the answer; the later of two that share a slot stays.
    slots: Vec<(u128, u32)>,
    answers: Vec<T>,
}

impl<T> Recall<T> {
    /// Makes room for a column of so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { slots: vec![(0, NONE); rows.next_power_of_two().clamp(2, MAX_SLOTS)], answers: Vec::new() }
    }

    /// Returns the answer for a view; works it out where it is not known.
    pub(crate) fn get_or_try<E>(&mut self, view: u128, answer: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let slot = self.slot_of(view);
        let (known, mut index) = self.slots[slot];
        if index == NONE || known != view {
            self.answers.push(answer()?);
            index = (self.answers.len() - 1) as u32;
            self.slots[slot] = (view, index);
        }
        Ok(&self.answers[index as usize])
    }

    /// Spreads length, prefix and place of a text over the slots (Fibonacci hashing).
    fn slot_of(&self, view: u128) -> usize {
        let folded = (view as u64) ^ ((view >> 64) as u64).rotate_left(32);
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - self.slots.len().trailing_zeros())) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn works_each_answer_once_while_its_slot_is_its_own() {
        let mut recall = Recall::new(1000);
        let mut worked = 0;
        for _ in 0..3 {
            for view in [0_u128, 5, 1 << 100] {
                let answer = recall.get_or_try(view, || {
                    worked += 1;
                    Ok::<_, Infallible>(view + 1)
                });
                assert_eq!(answer, Ok(&(view + 1)));
            }
        }
        assert_eq!(worked, 3);
    }

    #[test]
    fn answers_right_when_slots_are_shared() {
        let mut recall = Recall::new(0);
        for view in (0..100).chain(0..100) {
            assert_eq!(recall.get_or_try(view, || Ok::<_, Infallible>(view)), Ok(&view));
        }
    }
}
