//! What a command prints, kept up to a limit: its beginning and its end, since the reason of a failure mostly stands last.

use std::collections::VecDeque;

use crate::ports::Output;

/// Gathers output. Memory is bounded by the limit, however much is printed.
#[derive(Debug)]
pub(super) struct Capture {
    head_limit: usize,
    tail_limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Capture {
    /// Keeps at most so many bytes.
    pub(super) const fn up_to(limit: usize) -> Self {
        let head_limit = limit / 2;
        Self {
            head_limit,
            tail_limit: limit - head_limit,
            head: Vec::new(),
            tail: VecDeque::new(),
            left_out: 0,
        }
    }

    /// Takes what was printed next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.head_limit - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let skipped = rest.len().saturating_sub(self.tail_limit);
        let rest = rest.split_at(skipped).1;
        let overflow = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..overflow.min(self.tail.len()));
        self.tail.extend(rest);
        self.left_out += (skipped + overflow) as u64;
    }

    /// As text; `None` when nothing was printed. Bytes that are no text are replaced, zero bytes too, which many a store refuses.
    pub(super) fn into_output(self) -> Option<Output> {
        let tail: Vec<u8> = self.tail.into();
        let truncated = self.left_out > 0;
        let text = if truncated {
            let gap = format!("\n[… {} bytes left out …]\n", self.left_out);
            [String::from_utf8_lossy(&self.head), gap.into(), String::from_utf8_lossy(&tail)].concat()
        } else {
            String::from_utf8_lossy(&[self.head, tail].concat()).into_owned()
        };
        (!text.is_empty()).then(|| Output { text: text.replace('\0', "\u{FFFD}"), truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(limit: usize, chunks: &[&[u8]]) -> Output {
        let mut capture = Capture::up_to(limit);
        for chunk in chunks {
            capture.push(chunk);
        }
        capture.into_output().expect("something was printed")
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let whole = captured(8, &[b"abc", b"de", b"fgh"]);
        assert_eq!(whole, Output { text: "abcdefgh".into(), truncated: false });
        assert_eq!(
            captured(8, &["aé\0b".as_bytes()]).text,
            "aé\u{FFFD}b",
            "a letter across the middle stays whole"
        );
    }

    #[test]
    fn of_more_the_beginning_and_the_end_are_kept() {
        let expected = "abcd\n[… 3 bytes left out …]\nhijk";
        for chunks in
            [&[b"abcdefghijk" as &[u8]] as &[&[u8]], &[b"abcdef", b"ghijk"], &[b"a", b"bcdefghij", b"k"]]
        {
            assert_eq!(captured(8, chunks), Output { text: expected.into(), truncated: true });
        }
    }

    #[test]
    fn nothing_printed_is_no_output() {
        assert_eq!(Capture::up_to(8).into_output(), None);
    }
}
