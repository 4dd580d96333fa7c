//! Versions of QUIC whose Initial packets can be decrypted: each has its own salt (RFC 9001,
//! section 5.2; RFC 9369, section 3.3.1; the drafts of both; Google's and Facebook's own).

/// How a version protects its Initial packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) salt: &'static [u8; 20],
    /// Version 2 has labels and packet types of its own (RFC 9369, sections 3.2 and 3.3.2).
    pub(super) second: bool,
    /// Google's versions have frames of their own.
    pub(super) google: bool,
}

pub(super) const VERSION_2: u32 = 0x6b33_43cf;
pub(super) const Q050: u32 = u32::from_be_bytes(*b"Q050");
const T050: u32 = u32::from_be_bytes(*b"T050");
const T051: u32 = u32::from_be_bytes(*b"T051");

pub(super) const SALT_1: [u8; 20] =
    *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
const SALT_2: [u8; 20] =
    *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
const SALT_DRAFT_22: [u8; 20] =
    *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";
const SALT_DRAFT_23: [u8; 20] =
    *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
const SALT_DRAFT_29: [u8; 20] =
    *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
const SALT_Q050: [u8; 20] =
    *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45";
const SALT_T050: [u8; 20] =
    *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10";
const SALT_T051: [u8; 20] =
    *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d";

/// The version of this number, if its Initial packets can be decrypted.
pub(super) const fn known(number: u32) -> Option<Version> {
    let salt = match number {
        1 | 0xff00_0021..=0xff00_0022 => &SALT_1,
        VERSION_2 => &SALT_2,
        0xff00_0015..=0xff00_0016 | 0xface_b001 => &SALT_DRAFT_22,
        0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00e => &SALT_DRAFT_23,
        0xff00_001d..=0xff00_0020 => &SALT_DRAFT_29,
        Q050 => &SALT_Q050,
        T050 => &SALT_T050,
        T051 => &SALT_T051,
        _ => return None,
    };
    Some(Version {
        number,
        salt,
        second: number == VERSION_2,
        google: matches!(number, Q050 | T050 | T051),
    })
}

/// The name of a version.
pub(super) fn name(number: u32) -> String {
    match number {
        VERSION_2 => "2".into(),
        1..=0xff => number.to_string(),
        0xff00_0000..=0xff00_00ff => format!("draft-{:02}", number & 0xff),
        _ if number.to_be_bytes().iter().all(u8::is_ascii_alphanumeric) => {
            number.to_be_bytes().into_iter().map(char::from).collect()
        }
        _ => format!("{number:#010x}"),
    }
}

/// Whether a number stands for no version and tests negotiation (RFC 9000, section 15).
pub(super) const fn is_reserved(number: u32) -> bool {
    number & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// Whether a server may offer a version of this number: one that can be decrypted, a reserved one, a
/// draft, or one that an implementation has for itself (IANA's registry of QUIC versions).
pub(super) const fn is_plausible(number: u32) -> bool {
    let [a, b, c, d] = number.to_be_bytes();
    known(number).is_some()
        || is_reserved(number)
        // Google's: a letter, a zero, two digits; Facebook's; drafts of version 1 and 2.
        || matches!(a, b'Q' | b'T')
            && b == b'0'
            && c.is_ascii_digit()
            && d.is_ascii_digit()
        || matches!(number >> 16, 0xface | 0xff00 | 0xff02 | 0x709a | 0x5130 | 0x5043)
}
