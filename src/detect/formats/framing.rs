//! Messages that follow one another in a stream, binary or of lines: reading them in turn.

/// What stands where a message should begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framed {
    /// A message of so many bytes. Where fewer were captured, it is the last.
    Whole(usize),
    /// The beginning of a message, whose length is still unknown.
    Cut,
    /// No message of the protocol.
    Foreign,
}

/// Messages that are read at most: of tiny ones, a side has thousands.
const MOST: usize = 512;

/// What [`read_messages`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessagesRead {
    /// Messages that were captured whole.
    pub(crate) whole: usize,
    /// The reading ended at bytes that are no message.
    pub(crate) foreign: bool,
}

/// Reads message after message, [`MOST`] of them at most. `read` judges the message at the beginning
/// of the remaining bytes, whose offset is its second argument.
pub(crate) fn read_messages<'a>(
    bytes: &'a [u8],
    mut read: impl FnMut(&'a [u8], usize) -> Framed,
) -> MessagesRead {
    let (mut at, mut whole) = (0, 0);
    while whole < MOST
        && let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty())
    {
        match read(rest, at) {
            // A message without bytes would never end the loop.
            Framed::Whole(0) | Framed::Foreign => return MessagesRead { whole, foreign: true },
            Framed::Whole(len) if len > rest.len() => break,
            Framed::Whole(len) => {
                at += len;
                whole += 1;
            }
            Framed::Cut => break,
        }
    }
    MessagesRead { whole, foreign: false }
}

/// The first line without its CRLF; `None` where the first `longest` bytes have no line end, or one
/// without CR.
pub(crate) fn crlf_line(bytes: &[u8], longest: usize) -> Option<&[u8]> {
    let end = bytes.iter().take(longest).position(|&b| b == b'\n')?;
    bytes.get(..end)?.strip_suffix(b"\r")
}

/// A decimal number of at most ten digits, without a sign.
pub(crate) fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0_usize, |n, d| n.checked_mul(10)?.checked_add(usize::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_at_a_cut_message_and_at_a_foreign_one() {
        let read = |rest: &[u8], _| {
            if rest[0] < 10 { Framed::Whole(usize::from(rest[0])) } else { Framed::Foreign }
        };
        assert_eq!(
            read_messages(&[1, 2, 0, 3, 0], read),
            MessagesRead { whole: 2, foreign: false }
        );
        assert_eq!(read_messages(&[1, 77], read), MessagesRead { whole: 1, foreign: true });
        assert_eq!(read_messages(&[0], read), MessagesRead { whole: 0, foreign: true });
    }

    #[test]
    fn a_number_has_digits_alone_and_no_overflow() {
        assert_eq!(
            (decimal(b"0120"), decimal(b""), decimal(b"-1"), decimal(b"99999999999999")),
            (Some(120), None, None, None)
        );
    }

    #[test]
    fn a_walk_ends_after_as_many_messages_as_are_read_at_most() {
        let read = |_: &[u8], _| Framed::Whole(1);
        assert_eq!(
            read_messages(&[7; MOST + 9], read),
            MessagesRead { whole: MOST, foreign: false }
        );
    }
}
