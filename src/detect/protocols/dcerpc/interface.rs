//! Interfaces by their identifiers. MS-RPCE, section 1.9, and the sections «Standards Assignments»
//! of the documents that define them; C706, appendix O.

use super::DataRepresentation;

/// The identifier and version at the beginning of `bytes`, as `UUID vMAJOR.MINOR`.
pub(super) fn syntax(bytes: &[u8], order: DataRepresentation) -> Option<String> {
    let version = order.u32(bytes, 16)?;
    Some(format!("{} v{}.{}", uuid(bytes, order)?, version & 0xffff, version >> 16))
}

/// The identifier at the beginning of `bytes`.
pub(super) fn uuid(bytes: &[u8], order: DataRepresentation) -> Option<String> {
    let rest: [u8; 8] = *bytes.get(8..)?.first_chunk()?;
    let (low, middle, high) = (order.u32(bytes, 0)?, order.u16(bytes, 4)?, order.u16(bytes, 6)?);
    let rest = u64::from_be_bytes(rest);
    let (clock, node) = (rest >> 48, rest & 0xffff_ffff_ffff);
    Some(format!("{low:08x}-{middle:04x}-{high:04x}-{clock:04x}-{node:012x}"))
}

/// The name of an interface whose identifier `text` begins with.
pub(super) fn interface_name(text: &str) -> Option<&'static str> {
    Some(match text.get(..36)? {
        "e1af8308-5d1f-11c9-91a4-08002b14a0fa" => "epmapper",
        "afa8bd80-7d8a-11c9-bef4-08002b102989" => "mgmt",
        "12345778-1234-abcd-ef00-0123456789ab" => "lsarpc",
        "12345778-1234-abcd-ef00-0123456789ac" => "samr",
        "12345678-1234-abcd-ef00-01234567cffb" => "netlogon",
        "12345678-1234-abcd-ef00-0123456789ab" => "spoolss",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd2" => "drsuapi",
        "367abb81-9844-35f1-ad32-98f038001003" => "svcctl",
        "338cd001-2244-31f1-aaaa-900038001003" => "winreg",
        "4b324fc8-1670-01d3-1278-5a47bf6ee188" => "srvsvc",
        "6bffd098-a112-3610-9833-46c3f87e345a" => "wkssvc",
        "1ff70682-0a51-30e8-076d-740be8cee98b" => "atsvc",
        "86d35949-83c9-4044-b424-db363231fd0c" => "task scheduler",
        "82273fdc-e32a-18c3-3f78-827929dc23ea" => "eventlog",
        "c681d488-d850-11d0-8c52-00c04fd90f7e" => "efsrpc",
        "50abc2a4-574d-40b3-9d66-ee4fd5fba076" => "dnsserver",
        "99fcfec4-5260-101b-bbcb-00aa0021347a" => "IObjectExporter",
        "000001a0-0000-0000-c000-000000000046" => "ISystemActivator",
        "00000143-0000-0000-c000-000000000046" => "IRemUnknown2",
        "a4f1db00-ca47-1067-b31f-00dd010662da" => "emsmdb",
        "5a7b91f8-ff00-11d0-a9b2-00c04fb6e6fc" => "messenger",
        "dea00001-6c97-11d1-8271-00a02442df7d" => "PROFINET device",
        "dea00002-6c97-11d1-8271-00a02442df7d" => "PROFINET controller",
        _ => return None,
    })
}
