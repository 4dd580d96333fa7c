//! CSTA documents in XML: ECMA-323, and ECMA-354 for sessions. TCP carries them in a framing of
//! their own, SIP and HTTP in bodies.
//!
//! `quick-xml` reads a document as far as it was captured.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, Reader};

/// Beginnings of the namespaces of the standards.
const NAMESPACES: [&str; 2] = [
    "http://www.ecma-international.org/standards/ecma-323/csta",
    "http://www.ecma-international.org/standards/ecma-354/",
];

/// Namespaces of vendors' messages, as their clients write them.
const VENDORS: [&str; 2] = ["http://www.avaya.com/csta", "http://www.siemens.com/schema/csta"];

/// Root elements of ECMA-323 and ECMA-354 without their endings `Response`, `PosResponse`,
/// `NegResponse`; every event ends in `Event` and begins with its reference. The last row is
/// Zultys's.
const ROOTS: &[&str] = &[
    "StartApplicationSession",
    "StopApplicationSession",
    "ResetApplicationSessionTimer",
    "ApplicationSessionTerminated",
    "MonitorStart",
    "MonitorStop",
    "ChangeMonitorFilter",
    "MakeCall",
    "AnswerCall",
    "AcceptCall",
    "AlternateCall",
    "ClearConnection",
    "ClearCall",
    "ConferenceCall",
    "ConsultationCall",
    "DeflectCall",
    "DirectedPickupCall",
    "GenerateDigits",
    "HoldCall",
    "JoinCall",
    "MakePredictiveCall",
    "ParkCall",
    "ReconnectCall",
    "RetrieveCall",
    "SingleStepConferenceCall",
    "SingleStepTransferCall",
    "TransferCall",
    "SnapshotDevice",
    "SnapshotCall",
    "GetCSTAFeatures",
    "GetLogicalDeviceInformation",
    "GetPhysicalDeviceInformation",
    "GetSwitchingFunctionDevices",
    "GetSwitchingFunctionCapabilities",
    "SystemRegister",
    "SystemRegisterCancel",
    "RequestSystemStatus",
    "SystemStatus",
    "SetForwarding",
    "GetForwarding",
    "SetDoNotDisturb",
    "GetDoNotDisturb",
    "SetAgentState",
    "GetAgentState",
    "SetMessageWaitingIndicator",
    "GetMessageWaitingIndicator",
    "CSTAErrorCode",
    "loginRequest",
    "loginResponse",
    "loginResponce",
    "keepalive",
];
const ENDINGS: [&str; 3] = ["PosResponse", "NegResponse", "Response"];

/// The root element of a document, as far as it was captured.
pub(crate) enum RootElement {
    /// No element has begun yet.
    NotYet,
    /// The bytes are not XML.
    NotXml,
    /// The name without a prefix, and the namespace where one is declared.
    Named { name: String, namespace: Option<String> },
}

/// Reads the root element of a document.
pub(crate) fn root_element(document: &[u8]) -> RootElement {
    // Tags are ASCII; texts in other encodings are not needed and must not stop the reader.
    let text = String::from_utf8_lossy(document);
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => return named(&element),
            Ok(Event::Text(text)) if !text.trim_start_matches('\u{feff}').trim().is_empty() => {
                return RootElement::NotXml;
            }
            // A document that ends in the middle of a tag may still be CSTA.
            Ok(Event::Eof) | Err(quick_xml::Error::Syntax(_)) => return RootElement::NotYet,
            Ok(_) => {}
            Err(_) => return RootElement::NotXml,
        }
    }
}

fn named(element: &BytesStart<'_>) -> RootElement {
    let declared = element
        .name()
        .prefix()
        .map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{}", prefix.as_ref()));
    let namespace = element
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.as_ref() == declared)
        .map(|attribute| attribute.value.into_owned());
    let name = element.local_name().as_ref().to_owned();
    RootElement::Named { name, namespace }
}

/// Elements that are read until one is CSTA's: SOAP puts few around it.
const AROUND: usize = 8;

/// The first element of an XML document that is in a namespace of CSTA, and the namespace. SOAP
/// puts elements of its own around it.
pub(crate) fn carried_element(document: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(document);
    let mut reader = NsReader::from_str(&text);
    for _ in 0..AROUND {
        let (namespace, element) = loop {
            match reader.read_resolved_event().ok()? {
                (namespace, Event::Start(element) | Event::Empty(element)) => {
                    break (namespace, element);
                }
                (_, Event::Eof) => return None,
                _ => {}
            }
        };
        if let ResolveResult::Bound(namespace) = namespace {
            let namespace: &str = namespace.as_ref();
            if is_standard_namespace(namespace) {
                return Some((element.local_name().as_ref().to_owned(), namespace.to_owned()));
            }
        }
    }
    None
}

/// What a CSTA document is for the request that it answers.
pub(crate) enum CstaAnswer {
    /// No answer: a request or an event.
    None,
    /// The request was done.
    Success,
    /// The request failed: the error for people, the same for all documents with this root.
    Error(&'static str),
}

impl CstaAnswer {
    /// The answer with the root element `name`. The type of `CSTAErrorCode` is `UniversalFailure`
    /// (ECMA-323); sessions are refused by a root of their own (ECMA-354).
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "CSTAErrorCode" => Self::Error("CSTA universalFailure"),
            "StartApplicationSessionNegResponse" => Self::Error("CSTA session refused"),
            _ if name.ends_with("NegResponse") => Self::Error("CSTA negative response"),
            _ if name.ends_with("Response") || name.ends_with("Responce") => Self::Success,
            _ => Self::None,
        }
    }
}

/// Elements of an error that are read until one has a text.
const ERROR_ELEMENTS: usize = 16;

/// What an error says: the name of the first element with a text, and the text, such as
/// `operation invalidDeviceID`.
pub(crate) fn error_text(document: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(document);
    let mut reader = Reader::from_str(&text);
    let mut name = String::new();
    for _ in 0..ERROR_ELEMENTS {
        match reader.read_event().ok()? {
            Event::Start(element) => element.local_name().as_ref().clone_into(&mut name),
            Event::Text(text) if !name.is_empty() && !text.trim().is_empty() => {
                return Some(format!("{name} {}", text.trim()));
            }
            Event::Eof => return None,
            _ => {}
        }
    }
    None
}

/// Whether a namespace is one of ECMA-323 or ECMA-354.
pub(crate) fn is_standard_namespace(namespace: &str) -> bool {
    NAMESPACES.iter().any(|known| namespace.starts_with(known))
}

/// Whether a root element is one of CSTA, by its namespace or its name.
pub(crate) fn is_csta_root(name: &str, namespace: Option<&str>) -> bool {
    if namespace.is_some_and(|namespace| {
        is_standard_namespace(namespace) || VENDORS.iter().any(|known| namespace.starts_with(known))
    }) {
        return true;
    }
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    ROOTS.contains(&stem) || ROOTS.contains(&name)
}

/// The namespaces that a document declares beside those of ECMA and the W3C, each with its offset.
pub(crate) fn extension_namespaces(document: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    const DECLARED: &[u8] = b" xmlns";
    let places =
        document.windows(DECLARED.len()).enumerate().filter(|(_, window)| *window == DECLARED);
    places.filter_map(|(at, _)| {
        let value =
            document.get(at + DECLARED.len()..)?.split(|b| matches!(b, b'"' | b'\'')).nth(1)?;
        let text = std::str::from_utf8(value).ok()?;
        (!is_standard_namespace(text) && !text.starts_with("http://www.w3.org/"))
            .then_some((at, value))
    })
}
