//! A server's certificate (RFC 5280, section 4.1): subject, issuer and names. `der` reads the
//! elements; nothing is verified.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// Names that are kept at most.
const NAMES: usize = 32;
/// Parts of a distinguished name that are kept at most.
const PARTS: usize = 16;
/// The extension «subject alternative name», 2.5.29.17.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Attributes of a distinguished name and how they are written.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// The parts of a certificate that are stated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// As `C=CH, O=Example, CN=a.test`, in the order of the certificate.
    pub(super) subject: String,
    pub(super) issuer: String,
    /// Host names and addresses.
    pub(super) names: Vec<String>,
    /// Subject and issuer are the same.
    pub(super) self_signed: bool,
}

impl Certificate {
    /// Reads a certificate; `None` where the bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let certificate = elements(bytes).next().filter(|e| e.tag() == Tag::Sequence)?;
        let signed = elements(certificate.value()).next().filter(|e| e.tag() == Tag::Sequence)?;
        let mut fields = elements(signed.value()).peekable();
        // [0], the version, is absent in version 1.
        fields.next_if(|e| e.tag().is_context_specific());
        let (_serial, _algorithm) = (fields.next()?, fields.next()?);
        let (issuer, _validity, subject) = (fields.next()?, fields.next()?, fields.next()?);
        if [issuer, subject].iter().any(|name| name.tag() != Tag::Sequence) {
            return None;
        }
        // [3] holds the extensions; a key and two identifiers may stand before it.
        let extensions = fields
            .take(4)
            .filter(|e| e.tag().is_context_specific() && e.tag().number().value() == 3);
        let extensions = extensions
            .filter_map(|e| elements(e.value()).next())
            .flat_map(|list| elements(list.value()));
        let names = extensions.filter_map(|e| alternative_names(e)).flatten().take(NAMES).collect();
        Some(Self {
            subject: distinguished(subject),
            issuer: distinguished(issuer),
            names,
            self_signed: !subject.value().is_empty() && subject.value() == issuer.value(),
        })
    }
}

/// The elements in the bytes, up to the first that is invalid.
fn elements(bytes: &[u8]) -> impl Iterator<Item = AnyRef<'_>> {
    let mut reader = SliceReader::new(bytes).ok();
    std::iter::from_fn(move || {
        let element =
            reader.as_mut().filter(|r| !r.is_finished()).and_then(|r| AnyRef::decode(r).ok());
        if element.is_none() {
            reader = None;
        }
        element
    })
}

/// A distinguished name as text: a sequence of sets of pairs.
fn distinguished(name: AnyRef<'_>) -> String {
    let mut text = String::new();
    for pair in elements(name.value()).flat_map(|set| elements(set.value())).take(PARTS) {
        let mut pair = elements(pair.value());
        let (Some(attribute), Some(value)) = (pair.next(), pair.next()) else { continue };
        if !text.is_empty() {
            text += ", ";
        }
        text += ATTRIBUTES
            .iter()
            .find(|known| known.0 == attribute.value())
            .map_or("?", |known| known.1);
        text.push('=');
        // A comma in the value must not be taken for its end.
        text += &words(value).replace('\\', "\\\\").replace(',', "\\,");
    }
    text
}

/// A string of any kind.
fn words(value: AnyRef<'_>) -> String {
    let bytes = value.value();
    if value.tag() == Tag::BmpString {
        let units: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// The names in an extension, if it is the subject alternative name: identifier, perhaps a flag,
/// the content in an octet string.
fn alternative_names(extension: AnyRef<'_>) -> Option<Vec<String>> {
    let mut parts = elements(extension.value());
    parts.next().filter(|id| id.value() == ALTERNATIVE_NAME)?;
    let content = parts.find(|part| part.tag() == Tag::OctetString)?;
    let list = elements(content.value()).next()?;
    Some(elements(list.value()).take(NAMES).filter_map(general_name).collect())
}

/// A mail address, host name, URI or address (RFC 5280, section 4.2.1.6).
fn general_name(name: AnyRef<'_>) -> Option<String> {
    let bytes = name.value();
    match name.tag().number().value() {
        1 | 2 | 6 => Some(String::from_utf8_lossy(bytes).into_owned()),
        7 => match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(|a| std::net::Ipv4Addr::from(a).to_string()),
            16 => <[u8; 16]>::try_from(bytes).ok().map(|a| std::net::Ipv6Addr::from(a).to_string()),
            _ => None,
        },
        _ => None,
    }
}
