//! The datagrams of a flow by source and type of payload, and whether they follow each other.

/// Bytes of the header without the sources that a mixer names.
pub(super) const HEADER: usize = 12;
/// Different numbers of a stream at least.
const NUMBERS: usize = 5;
/// The greatest step from one number to the next, where some are missing.
const STEP: u16 = 64;
/// Ticks of the clock between two datagrams at most, 3 minutes of video: what is no clock steps
/// anywhere.
const TICKS: u32 = 1 << 24;

/// The header of a media datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RtpHeader {
    pub(super) kind: u8,
    number: u16,
    time: u32,
    pub(super) source: u32,
}

impl RtpHeader {
    /// Reads the header of a datagram of version 2, whose extension and contributing sources must
    /// fit in.
    pub(super) fn read(bytes: &[u8], cut: bool) -> Option<Self> {
        let head: &[u8; HEADER] = bytes.first_chunk()?;
        let contributors = HEADER + 4 * usize::from(head[0] & 15);
        let mut end = contributors;
        if head[0] & 0x10 != 0 {
            let words = bytes.get(contributors + 2..).and_then(|rest| rest.first_chunk());
            end += 4 + words.map_or(0, |words| 4 * usize::from(u16::from_be_bytes(*words)));
        }
        let long =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let header = Self {
            kind: head[1] & 0x7f,
            number: u16::from_be_bytes([head[2], head[3]]),
            time: long(4),
            source: long(8),
        };
        (cut || end <= bytes.len()).then_some(header)
    }
}

/// The streams of media of one side.
#[derive(Default)]
pub(super) struct Media {
    streams: Vec<MediaStream>,
}

/// The datagrams of one source and one type of payload.
pub(super) struct MediaStream {
    headers: Vec<RtpHeader>,
    /// The offset of the first.
    offset: usize,
    /// The length of the first, unless another has another length.
    len: Option<usize>,
}

impl Media {
    /// Adds a datagram of the length `len`.
    pub(super) fn add(&mut self, header: RtpHeader, offset: usize, len: usize) {
        let is_same = |stream: &&mut MediaStream| {
            let first = stream.headers.first();
            first.is_some_and(|first| (first.source, first.kind) == (header.source, header.kind))
        };
        match self.streams.iter_mut().find(is_same) {
            Some(stream) => {
                stream.headers.push(header);
                stream.len = stream.len.filter(|&first| first == len);
            }
            None => {
                self.streams.push(MediaStream { headers: vec![header], offset, len: Some(len) });
            }
        }
    }

    /// The number of datagrams.
    pub(super) fn len(&self) -> usize {
        self.streams.iter().map(MediaStream::len).sum()
    }

    /// The stream of most datagrams, the first of several.
    pub(super) fn greatest(&self) -> Option<&MediaStream> {
        self.streams.iter().rev().max_by_key(|stream| stream.len())
    }
}

impl MediaStream {
    /// The number of datagrams, repeated ones included.
    pub(super) fn len(&self) -> usize {
        self.headers.len()
    }

    /// The first datagram and its offset.
    pub(super) fn first(&self) -> (RtpHeader, usize) {
        (self.headers[0], self.offset)
    }

    /// Whether enough different datagrams follow each other in number and in time. Repeats are left
    /// out, and neighbours that came in the wrong order count as if in order.
    pub(super) fn is_in_step(&self) -> bool {
        let mut headers: Vec<RtpHeader> = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            if headers.iter().all(|known| known.number != header.number) {
                headers.push(*header);
            }
        }
        for at in 1..headers.len() {
            if headers[at - 1].number == headers[at].number.wrapping_add(1) {
                headers.swap(at - 1, at);
            }
        }
        let steps = headers.windows(2).filter_map(|pair| <[RtpHeader; 2]>::try_from(pair).ok());
        let follows = |[before, after]: &[RtpHeader; 2]| {
            let ticks = after.time.wrapping_sub(before.time).cast_signed().unsigned_abs();
            (1..=STEP).contains(&after.number.wrapping_sub(before.number)) && ticks < TICKS
        };
        let all = headers.len().saturating_sub(1);
        headers.len() >= NUMBERS
            && 4 * steps.filter(follows).count() >= 3 * all
            && (headers[0].source != 0 || self.len.is_some() || is_clocked(&headers))
    }
}

/// Whether the clock steps by the same number of ticks for each datagram.
fn is_clocked(headers: &[RtpHeader]) -> bool {
    let [first, second, ..] = headers else { return false };
    let since = |header: &RtpHeader| {
        let datagrams = u32::from(header.number.wrapping_sub(first.number));
        (datagrams, header.time.wrapping_sub(first.time))
    };
    let (datagrams, ticks) = since(second);
    let step = ticks.checked_div(datagrams).unwrap_or(0);
    step > 0
        && headers.iter().map(since).all(|(datagrams, ticks)| datagrams.wrapping_mul(step) == ticks)
}
