//! Which of the messages in flight the broker has answered, and how.
//!
//! The broker numbers the messages of a channel from 1 and confirms them by number, one by one or all up to one; what it could
//! not route it sends back before it confirms it, with the message's own name instead of the number.

use control_plane::ports::Publication;

/// The answers to one batch, whose first message has the number `first`.
#[derive(Debug)]
pub(crate) struct Ledger {
    first: u64,
    answers: Vec<Answer>,
    /// All before this position are settled.
    settled_before: usize,
    open: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Open,
    Returned,
    Settled(Publication),
}

impl Ledger {
    pub(crate) fn new(first: u64, messages: usize) -> Self {
        Self { first, answers: Vec::with_capacity(messages), settled_before: 0, open: 0 }
    }

    /// The number of the next message, which is in flight from now on.
    pub(crate) fn publish(&mut self) -> u64 {
        let number = self.next();
        self.answers.push(Answer::Open);
        self.open += 1;
        number
    }

    /// The number that the next message will have.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.answers.len() as u64
    }

    /// How many are in flight.
    pub(crate) const fn open(&self) -> usize {
        self.open
    }

    /// The broker could not route it; its confirmation follows.
    pub(crate) fn returned(&mut self, number: u64) {
        if let Some(answer @ Answer::Open) = self.position(number).and_then(|at| self.answers.get_mut(at)) {
            *answer = Answer::Returned;
        }
    }

    /// The broker took it, or refused it: this one, or all up to it.
    pub(crate) fn answered(&mut self, number: u64, all_up_to: bool, taken: bool) {
        let Some(last) = self.position(number) else { return };
        let from = if all_up_to { self.settled_before } else { last };
        for answer in self.answers.get_mut(from..=last).unwrap_or_default() {
            let publication = match *answer {
                Answer::Settled(_) => continue,
                _ if !taken => Publication::Refused,
                Answer::Returned => Publication::Unroutable,
                Answer::Open => Publication::Confirmed,
            };
            *answer = Answer::Settled(publication);
            self.open -= 1;
        }
        if all_up_to {
            self.settled_before = self.settled_before.max(last + 1);
        }
    }

    /// What became of each, in order; what was never answered counts as refused.
    pub(crate) fn into_publications(self) -> Vec<Publication> {
        let publication = |answer| match answer {
            Answer::Settled(publication) => publication,
            Answer::Open | Answer::Returned => Publication::Refused,
        };
        self.answers.into_iter().map(publication).collect()
    }

    fn position(&self, number: u64) -> Option<usize> {
        let position = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (position < self.answers.len()).then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Publication::{Confirmed, Refused, Unroutable};

    fn ledger(first: u64, messages: usize) -> Ledger {
        let mut ledger = Ledger::new(first, messages);
        for number in first..first + messages as u64 {
            assert_eq!(ledger.publish(), number);
        }
        ledger
    }

    #[test]
    fn one_confirmation_may_stand_for_many() {
        let mut ledger = ledger(11, 4);
        ledger.answered(13, true, true);
        assert_eq!(ledger.open(), 1);
        ledger.answered(14, false, true);
        assert_eq!((ledger.open(), ledger.next()), (0, 15));
        assert_eq!(ledger.into_publications(), [Confirmed; 4]);
    }

    #[test]
    fn a_returned_message_is_not_sent_although_it_is_confirmed() {
        let mut ledger = ledger(1, 3);
        ledger.returned(2);
        assert_eq!(ledger.open(), 3, "its confirmation is still to come");
        ledger.answered(3, true, true);
        assert_eq!(ledger.into_publications(), [Confirmed, Unroutable, Confirmed]);
    }

    #[test]
    fn a_refusal_is_told_from_a_confirmation_in_any_order() {
        let mut ledger = ledger(1, 4);
        ledger.answered(4, false, true);
        ledger.answered(2, true, false);
        ledger.answered(3, false, true);
        assert_eq!(ledger.open(), 0);
        assert_eq!(ledger.into_publications(), [Refused, Refused, Confirmed, Confirmed]);
    }

    #[test]
    fn numbers_of_other_batches_and_repeated_answers_change_nothing() {
        let mut ledger = ledger(5, 2);
        ledger.answered(4, true, true);
        ledger.answered(7, true, true);
        ledger.returned(9);
        assert_eq!(ledger.open(), 2);
        ledger.answered(5, false, true);
        ledger.answered(5, false, false);
        ledger.answered(6, true, true);
        assert_eq!(ledger.open(), 0);
        assert_eq!(ledger.into_publications(), [Confirmed; 2]);
    }
}
