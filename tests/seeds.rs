//! What three pages about ports 3001, 3002 and 3037 say, which the tool grew from: each statement is
//! in the output, or its correction with the source.

use crate::run::outcome;

/// A statement of a page and where the tool says it.
struct Statement {
    /// What the page says, in short.
    page: &'static str,
    /// The arguments of the command.
    args: &'static [&'static str],
    /// What its output has, white space aside.
    has: &'static [&'static str],
}

const fn says(
    page: &'static str,
    args: &'static [&'static str],
    has: &'static [&'static str],
) -> Statement {
    Statement { page, args, has }
}

const PORT_3001: &[&str] = &["port", "3001"];
const ALL_3001: &[&str] = &["port", "3001", "--all"];
const PORT_3002: &[&str] = &["port", "3002"];
const ALL_3002: &[&str] = &["port", "3002", "--all"];
const PORT_3037: &[&str] = &["port", "3037"];
const ALL_3037: &[&str] = &["port", "3037", "--all"];
const IANA: &str = "https://www.iana.org/assignments/service-names-port-numbers";
const PORT_LIST: &str = "https://en.wikipedia.org/wiki/List_of_TCP_and_UDP_port_numbers";
const ETC: &str = "https://support.etcconnect.com/ETC/Consoles/Eos_Family/Software_and_Programming/TCP_port_for_OSC_communication_with_Eos_Software";

const ON_3001: &[Statement] = &[
    says(
        "it is in the registered range, of 48,127 ports (48,128 are right)",
        ALL_3001,
        &["registered (1024-49151)"],
    ),
    says(
        "IANA has not assigned it (wrong)",
        ALL_3001,
        &["3001/tcp origo-native (OrigoDB Server Native Interface); 3001/udp reserved", IANA],
    ),
    says("the dominant use is development", PORT_3001, &["Most likely a development server"]),
    says(
        "most tools increment from 3000; Create React App does so (it asks)",
        ALL_3001,
        &[
            "Next.js and Create React App use it when 3000 is taken",
            "React framework. Uses this port when 3000 is taken. It takes the next free port",
            "Contrary to one page, it never takes the next port by itself",
            "It asks for another port",
            "https://create-react-app.dev/docs/advanced-configuration/",
        ],
    ),
    says(
        "Express is commonly configured here",
        ALL_3001,
        &["Express uses this port", "It has no default port", "It fails when this port is taken"],
    ),
    says(
        "the front end is on 3000, the API on 3001",
        ALL_3001,
        &["Customary for an API beside a front end on 3000"],
    ),
    says(
        "Opsware satellites, HP Server Automation, now OpenText",
        ALL_3001,
        &["Satellites and managed servers of HP (now OpenText) Server Automation"],
    ),
    says(
        "the core communicates with satellites on 3001 (agents dial their gateway)",
        ALL_3001,
        &["the configuration of the agent shows the opposite", "https://github.com/tsvtln/SA"],
    ),
    says(
        "managed servers connect to satellites on 1002 (their agents listen there)",
        &["port", "1002", "--all"],
        &["Agent on the managed server, reached through the gateway", "tsvtln/SA"],
    ),
    says(
        "open on a server, Opsware is worth investigating",
        PORT_3001,
        &[
            "If the host is not a development machine, find out whether it is managed by Server Automation",
        ],
    ),
    says(
        "the same where TLS is seen and no development server",
        &["replay", "fixtures/tls-nosni-3001.pcap"],
        &["this may be Opsware", "find out whether it is managed by Server Automation"],
    ),
    says(
        "how to see what listens",
        PORT_3001,
        &["Listening here", "lsof -i :3001", "ss -tlnp", "netstat -ano | findstr :3001"],
    ),
    says(
        "the page lacks: a port list gives it to a telephony vendor, too",
        ALL_3001,
        &["Miralix telephony programs", PORT_LIST],
    ),
];

const ON_3002: &[Statement] = &[
    says("it is in the registered range", ALL_3002, &["registered (1024-49151)"]),
    says(
        "IANA assigned it to EXLM Agent (and to RemoteWare Server)",
        ALL_3002,
        &["3002, TCP and UDP: exlm-agent (EXLM Agent), remoteware-srv (RemoteWare Server)", IANA],
    ),
    says(
        "EXLM Agent left almost no trace",
        ALL_3002,
        &["which are rarely seen", "No product, protocol description or capture was found"],
    ),
    says(
        "Miralix uses it for CSTA (a port list says so alone)",
        ALL_3002,
        &["Miralix CSTA", "Named only by a public port list", PORT_LIST],
    ),
    says(
        "the third development server lands here",
        ALL_3002,
        &[
            "Most likely a development server",
            "when 3000 and 3001 are taken",
            "for the third server",
        ],
    ),
    says(
        "3000 is the default of Create React App, Next.js and others (and of HBCI)",
        &["port", "3000"],
        &["Create React App, Next.js and others use this port", "Registered uses: HBCI"],
    ),
    says(
        "Elastic App Search used it",
        ALL_3002,
        &["Elastic App Search", "https://www.elastic.co/guide/en/enterprise-search/current/"],
    ),
    says(
        "how to see what listens",
        PORT_3002,
        &["Listening here", "lsof -i :3002", "ss -tlnp", "netstat -ano | findstr :3002"],
    ),
    says(
        "registered, and used by others: both are said",
        PORT_3002,
        &["Registered uses: RemoteWare Server and EXLM Agent", "exlm-agent (EXLM Agent)"],
    ),
    says(
        "what remains of unknown bytes is said in a report",
        &["replay", "fixtures/random-3002.pcap"],
        &["RemoteWare Server, Miralix CSTA", "Agent remain possible"],
    ),
    says(
        "the page lacks: base stations speak here, which can be proved",
        ALL_3002,
        &["ip.access / Osmocom Abis over IP", "packet-gsm_ipa.c"],
    ),
];

const ON_3037: &[Statement] = &[
    says("it is in the registered range", ALL_3037, &["registered (1024-49151)"]),
    says(
        "it was never claimed (wrong)",
        ALL_3037,
        &["hp-san-mgmt (HP SAN Mgmt)", "3037 is assigned, contrary to some pages", IANA],
    ),
    says(
        "Eos has it since 3.1.0 for OSC of third parties",
        ALL_3037,
        &["ETC Eos lighting console", "Since Eos 3.1.0", "Third-party OSC", "speaks OSC", ETC],
    ),
    says(
        "QLab and Moving Light Assistant send to it",
        ALL_3037,
        &["QLab and Moving Light Assistant"],
    ),
    says(
        "Eos has 3032, too (which is registered for Redwood Chat)",
        &["port", "3032", "--all"],
        &["Most likely: ETC Eos lighting console", "redwood-chat (Redwood Chat)"],
    ),
    says(
        "Magic Sheet commands work on 3032 and not on 3037 (not confirmed)",
        ALL_3037,
        &["One unsourced page claims that some Magic Sheet commands fail here"],
    ),
    says(
        "traffic in a theatre is an Eos console",
        &["replay", "fixtures/eos-tcp-slip-3037.pcap"],
        &["ETC Eos lighting console"],
    ),
    says(
        "unexpected traffic: investigate it",
        PORT_3037,
        &[
            "Outside show-control networks, no program in common use opens port 3037. Find out which program opened it.",
        ],
    ),
    says(
        "block the port where Eos or OSC tools are not in use",
        PORT_3037,
        &["Block the port where no Eos console or OSC tool is in use"],
    ),
    says(
        "do not ignore unrecognised traffic here",
        &["replay", "fixtures/random-3037.pcap"],
        &[
            "warning 3037/tcp",
            "unrecognised bytes",
            "Block the port where no Eos console or OSC tool is in use",
        ],
    ),
    says(
        "scanners flag it for malware (no source)",
        ALL_3037,
        &["One unsourced page claims that malware used it"],
    ),
    says(
        "how to see what listens",
        PORT_3037,
        &["Listening here", "lsof -i :3037", "ss -tlnp", "netstat -ano | findstr :3037"],
    ),
    says(
        "closed is the expected state on most systems",
        PORT_3037,
        &["Allow Remotes is off", "closed is the expected state"],
    ),
    says(
        "the same where an attempt was refused",
        &["replay", "fixtures/cases/finding-closed.pcap"],
        &["note 3037/tcp", "1 attempt refused", "closed is the expected state"],
    ),
    says(
        "the page lacks: Eos tests reachability on 3033",
        &["port", "3033", "--all"],
        &["Reachability test", "Since Eos 2.6.0"],
    ),
];

/// The statements that the tool does not say, by page.
fn missing(statements: &[Statement]) -> Vec<String> {
    let mut missing = Vec::new();
    for Statement { page, args, has } in statements {
        let (status, text, stderr) = outcome(args);
        assert_eq!(status, 0, "{args:?}: {stderr}");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for phrase in has.iter().filter(|phrase| !text.contains(**phrase)) {
            missing.push(format!("{page}: {args:?} lacks {phrase:?}"));
        }
    }
    missing
}

#[test]
fn every_statement_on_3001_is_said_or_corrected() {
    assert_eq!(missing(ON_3001), [""; 0]);
}

#[test]
fn every_statement_on_3002_is_said_or_corrected() {
    assert_eq!(missing(ON_3002), [""; 0]);
}

#[test]
fn every_statement_on_3037_is_said_or_corrected() {
    assert_eq!(missing(ON_3037), [""; 0]);
}
