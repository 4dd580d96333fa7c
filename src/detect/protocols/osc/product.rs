//! Addresses that known products define: what they prove, and which of them are answers or are
//! answered.

/// Beginnings of the addresses of known products. Those that end in a slash name their product;
/// the others must be the whole address, or its first part.
///
/// Sources: Eos, <https://www.etcconnect.com/WebDocs/Controls/EosFamilyOnlineHelp/en/Content/23_Show_Control/08_OSC/Using_OSC_with_Eos/Eos_OSC_Conventions.htm>;
/// X32 and M32, <https://github.com/pmaillot/X32-Behringer>; `QLab`,
/// <https://qlab.app/docs/v5/scripting/osc-dictionary-v5/>; `AbletonOSC`,
/// <https://github.com/ideoforms/AbletonOSC>; Resolume, <https://resolume.com/support/en/osc>;
/// disguise, grandMA3, Hog 4, Companion, VMC, Millumin, TUIO: their manuals.
const PRODUCTS: &[&[u8]] = &[
    b"/eos/",
    // X32 and M32.
    b"/xremote",
    b"/xinfo",
    b"/info",
    b"/status",
    b"/ch/",
    b"/bus/",
    b"/mtx/",
    b"/auxin/",
    b"/fxrtn/",
    b"/dca/",
    b"/headamp/",
    b"/-action/",
    b"/-stat/",
    b"/-show/",
    b"/-prefs/",
    // QLab.
    b"/cue/",
    b"/cue_id/",
    b"/workspace/",
    b"/workspaces",
    b"/reply/",
    b"/update/workspace/",
    b"/alwaysReply",
    b"/thump",
    // Others.
    b"/live/song/",
    b"/live/track/",
    b"/live/clip/",
    b"/live/test",
    b"/composition/",
    b"/d3/showcontrol/",
    b"/gma3/",
    b"/hog/",
    b"/wo/play",
    b"/wo/pause",
    b"/wo/stop",
    b"/location/",
    b"/avatar/parameters/",
    b"/VMC/Ext/",
    b"/millumin/",
    b"/tuio/",
];

/// What an address says of who defined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AddressOrigin {
    /// Anybody.
    Any,
    /// A product, by a word that others may use too.
    Word,
    /// A product, by a name space of its own.
    Space,
}

/// Who defined an address.
pub(super) fn origin(address: &[u8]) -> AddressOrigin {
    let second = address.get(1).map(u8::to_ascii_lowercase);
    let may_begin = |known: &[u8]| known.get(1).map(u8::to_ascii_lowercase) == second;
    let mut known = PRODUCTS.iter().filter(|known| may_begin(known));
    let Some(known) = known.find(|known| begins(address, known)) else {
        return AddressOrigin::Any;
    };
    match (known.ends_with(b"/"), address.get(known.len())) {
        (true, Some(_)) => AddressOrigin::Space,
        (false, None | Some(b'/')) => AddressOrigin::Word,
        _ => AddressOrigin::Any,
    }
}

/// Whether an address begins so. Receivers compare without regard to case.
fn begins(address: &[u8], known: &[u8]) -> bool {
    address.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known))
}

/// Whether only the product itself sends to this address: Eos reports below `/eos/out/`, `QLab`
/// answers below `/reply/` and reports below `/update/`, X32 answers `/node` without a slash and
/// states its name after `/info`, scsynth answers `/status.reply` and `/done`.
pub(super) fn is_answer(address: &[u8], types: Option<&[u8]>) -> bool {
    const BEGINS: [&[u8]; 4] = [b"/eos/out/", b"/reply/", b"/update/workspace/", b"/hog/status/"];
    const WHOLE: [&[u8]; 6] = [b"node", b"/reply", b"/done", b"/fail", b"/late", b"/synced"];
    const WITH_VALUES: [&[u8]; 3] = [b"/info", b"/xinfo", b"/status"];
    BEGINS.iter().any(|known| begins(address, known))
        || WHOLE.contains(&address)
        || address.ends_with(b".reply")
        || WITH_VALUES.contains(&address) && types.is_some_and(|types| types.len() > 1)
}

/// What Eos writes where it cannot read a command line, such as an OSC packet that came to its port
/// for strings.
pub(super) const SYNTAX_ERROR: &[u8] = b"Syntax Error";

/// Whether the text of a command line, in a packet or as it is, says that it cannot be read.
pub(super) fn is_syntax_error(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, SYNTAX_ERROR).is_some()
}

/// Whether Eos reports a command line at this address: `/eos/out/cmd`, `/eos/out/user/<n>/cmd`.
pub(super) fn reports_command(address: &[u8]) -> bool {
    begins(address, b"/eos/out/") && address.ends_with(b"/cmd")
}

/// Whether a product answers what it receives at this address.
pub(super) fn is_answered(address: &[u8]) -> bool {
    const BEGINS: [&[u8]; 3] = [b"/eos/get/", b"/eos/ping", b"/live/test"];
    const WHOLE: [&[u8]; 9] = [
        b"/info",
        b"/xinfo",
        b"/status",
        b"/version",
        b"/workspaces",
        b"/node",
        b"/connect",
        b"/thump",
        b"/sync",
    ];
    BEGINS.iter().any(|known| begins(address, known))
        || WHOLE.contains(&address)
        || begins(address, b"/live/") && address.windows(5).any(|part| part == b"/get/")
        || begins(address, b"/workspace/") && address.ends_with(b"/connect")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_space_is_more_than_a_word_and_a_longer_word_is_another() {
        for (address, expected) in [
            (&b"/eos/ping"[..], AddressOrigin::Space),
            (b"/EOS/Chan/1", AddressOrigin::Space),
            (b"/eos/", AddressOrigin::Any),
            (b"/eos", AddressOrigin::Any),
            (b"/info", AddressOrigin::Word),
            (b"/information", AddressOrigin::Any),
            (b"/workspaces", AddressOrigin::Word),
            (b"/1/fader1", AddressOrigin::Any),
            (b"/home/ch/01", AddressOrigin::Any),
        ] {
            assert_eq!(origin(address), expected, "{}", address.escape_ascii());
        }
    }

    #[test]
    fn x32_answers_at_the_address_that_was_asked() {
        assert!(is_answered(b"/info") && !is_answer(b"/info", Some(b"")));
        assert!(is_answer(b"/info", Some(b"ssss")) && is_answer(b"node", Some(b"s")));
        assert!(is_answer(b"/eos/out/get/version", Some(b"s")));
        assert!(!is_answer(b"/replyall", None) && !is_answered(b"/eos/key/go_0"));
    }
}
