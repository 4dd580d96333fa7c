//! How long a message's body is: RFC 9112, section 6.3.

use httparse::Header;

/// The value of the first field of that name.
pub(super) fn field<'a>(fields: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value.trim_ascii())
}

/// Bytes of the body; `None` where it lasts until the connection ends or beyond what is there to tell.
pub(super) fn length(fields: &[Header<'_>], is_request: bool, body: &[u8]) -> Option<usize> {
    if let Some(coding) = field(fields, "transfer-encoding") {
        return if coding.to_ascii_lowercase().ends_with(b"chunked") { chunked(body) } else { None };
    }
    match field(fields, "content-length") {
        Some(value) => std::str::from_utf8(value).ok()?.parse().ok(),
        None if is_request => Some(0),
        None => None,
    }
}

/// What a body is for a reader of facts.
pub(super) enum Kind {
    /// A page, a script or data: what it holds, the server does.
    Structured,
    /// Plain text, which may talk about anything.
    Plain,
    /// Compressed, a picture and the like.
    Unreadable,
}

/// The kind of a body by its header fields.
pub(super) fn kind(fields: &[Header<'_>]) -> Kind {
    const TEXT: [&str; 5] = ["html", "javascript", "json", "xml", "form"];
    let coded = field(fields, "content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    let kind = field(fields, "content-type").map(|kind| String::from_utf8_lossy(kind).to_ascii_lowercase());
    match kind {
        _ if coded => Kind::Unreadable,
        Some(kind) if kind.starts_with("text/plain") => Kind::Plain,
        Some(kind) if !TEXT.iter().any(|text| kind.contains(text)) => Kind::Unreadable,
        _ => Kind::Structured,
    }
}

/// Whether a body is XML that can be read as it is.
pub(super) fn is_xml(fields: &[Header<'_>]) -> bool {
    let xml = |kind: &[u8]| kind.to_ascii_lowercase().windows(3).any(|word| word == b"xml");
    field(fields, "content-type").is_some_and(xml) && matches!(self::kind(fields), Kind::Structured)
}

/// Bytes of a chunked body with its chunk heads; `None` where its end is not there.
fn chunked(body: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        let rest = body.get(at..)?;
        let line = rest.iter().take(64).position(|&b| b == b'\n')?;
        let digits = rest[..line].split(|&b| b == b';').next()?.trim_ascii();
        let len = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        at = at.checked_add(line + 1)?;
        if len == 0 {
            // Trailer fields up to an empty line.
            let trailer = body.get(at..)?;
            let mut end = 0;
            loop {
                let line = trailer[end..].iter().position(|&b| b == b'\n')?;
                let empty = trailer[end..end + line].trim_ascii().is_empty();
                end += line + 1;
                if empty {
                    return Some(at + end);
                }
            }
        }
        at = at.checked_add(len)?.checked_add(2)?;
    }
}
