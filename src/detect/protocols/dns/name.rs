//! Domain names (RFC 1035, sections 3.1 and 4.1.4): reading them, and what kinds of names they are.

/// Bytes of a message's header, into which no pointer leads.
pub(super) const HEADER: usize = 12;
/// Bytes of a name with its lengths (RFC 1035, section 2.3.4), and of a label.
const NAME: usize = 255;
const LABEL: usize = 63;
/// Letters of a NetBIOS name (RFC 1002, whose header is the same as that of DNS) in its encoding:
/// two letters of A to P for each of 16 bytes.
const NETBIOS_NAME: usize = 32;

/// The bytes of which the names of hosts, of services and of tunnels in base 64 are made.
const HOST: [bool; 256] = {
    let mut of_host = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        of_host[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'.' | b'-' | b'_' | b'*' | b'+' | b'/' | b'=');
        byte += 1;
    }
    of_host
};

/// A name that was read.
pub(super) struct DomainName<'t> {
    /// The labels, those that pointers lead to included.
    pub(super) text: &'t str,
    /// The offset of the byte behind the name.
    pub(super) next: usize,
    /// The name has control characters. Hosts have names of letters, services names of anything
    /// that can be read.
    pub(super) has_controls: bool,
}

/// The name that was read last: most answers repeat the question's name by a pointer to it.
pub(super) struct LastName {
    text: String,
    /// The offset of the name; zero where none was read.
    from: usize,
    has_controls: bool,
}

impl LastName {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(NAME), from: 0, has_controls: false }
    }

    /// Reads the name at `at`; pointers lead backwards. `Some(None)` where the bytes end within the
    /// name, `None` where there is no name.
    #[allow(clippy::option_option, reason = "no, not yet, yes")]
    pub(super) fn read(&mut self, bytes: &[u8], mut at: usize) -> Option<Option<DomainName<'_>>> {
        if let Some(&[high @ 0xc0..=0xff, low]) = bytes.get(at..at + 2)
            && pointed(high, low) == self.from
            && self.from >= HEADER
        {
            return Some(Some(DomainName {
                text: &self.text,
                next: at + 2,
                has_controls: self.has_controls,
            }));
        }
        let mut from = at;
        self.from = 0;
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.clear();
        text.reserve(NAME);
        let (mut labels, mut read, mut next) = (0, 0, None);
        loop {
            let Some(&len) = bytes.get(at) else { return Some(None) };
            match len {
                0 => break,
                0xc0..=0xff => {
                    let Some(&low) = bytes.get(at + 1) else { return Some(None) };
                    let to = pointed(len, low);
                    next.get_or_insert(at + 2);
                    from = if at == from { to } else { from };
                    if to >= at || to < HEADER {
                        return None;
                    }
                    at = to;
                }
                _ if usize::from(len) <= LABEL => {
                    let Some(label) = bytes.get(at + 1..=at + usize::from(len)) else {
                        return Some(None);
                    };
                    if labels > 0 {
                        text.push(b'.');
                    }
                    text.extend_from_slice(label);
                    labels += 1;
                    at += 1 + usize::from(len);
                }
                _ => return None,
            }
            read += 1 + usize::from(len & 0x3f);
            if read > 4 * NAME {
                return None;
            }
        }
        let has_controls = text.iter().any(u8::is_ascii_control);
        if text.is_empty() {
            text.push(b'.');
        }
        // A label may be of any bytes.
        self.text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if self.text.len() > 4 * NAME {
            return None;
        }
        (self.from, self.has_controls) = (from, has_controls);
        let text = &self.text;
        Some(Some(DomainName { text, next: next.unwrap_or(at + 1), has_controls }))
    }
}

/// The offset that a pointer leads to.
const fn pointed(high: u8, low: u8) -> usize {
    ((high & 0x3f) as usize) << 8 | low as usize
}

impl DomainName<'_> {
    /// Whether the name is made as those of hosts, of services and of tunnels in base 64 are.
    pub(super) fn is_host(&self) -> bool {
        self.text.len() > 1
            && self.text.contains('.')
            && self.text.bytes().all(|b| HOST[usize::from(b)])
    }
}

/// Whether the name is of the domain of multicast DNS.
pub(super) fn is_local(name: &str) -> bool {
    ends_with(name, ".local")
}

/// Whether the name is an address in a reverse lookup.
pub(super) fn is_reverse(name: &str) -> bool {
    ends_with(name, ".in-addr.arpa") || ends_with(name, ".ip6.arpa")
}

/// Whether the name ends so, in letters of either case.
pub(super) fn ends_with(name: &str, end: &str) -> bool {
    name.len()
        .checked_sub(end.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Whether nearly all of the first label is the encoding of a NetBIOS name.
pub(super) fn is_netbios(name: &str) -> bool {
    if name.len() < NETBIOS_NAME {
        return false;
    }
    // Characters, not bytes: a damaged one takes three bytes of the text.
    let label = name.split('.').next().unwrap_or("").chars();
    label.clone().count() == NETBIOS_NAME
        && label.filter(|c| ('A'..='P').contains(c)).count() + 4 >= NETBIOS_NAME
}
