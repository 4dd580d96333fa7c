//! The dependency direction, as the diagram in `lib.rs` draws it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::run::files;

/// Each module and those that it may use. Every module may use the error type: `crate::Error`,
/// `crate::ErrorKind` and `crate::Result`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("saved", &[]),
    ("time", &[]),
    ("evidence", &["saved"]),
    ("secrets", &[]),
    ("sentence", &[]),
    ("visibility", &[]),
    ("similar", &["sentence"]),
    ("helper_process", &[]),
    ("platform", &[]),
    ("privilege", &["helper_process"]),
    ("source", &["helper_process", "platform", "sentence", "similar", "time"]),
    ("commit", &["helper_process", "platform", "source"]),
    ("decode", &["saved", "source", "time"]),
    ("flow", &["decode", "evidence", "saved", "time"]),
    ("osc", &["sentence"]),
    ("detect", &["decode", "evidence", "flow", "osc", "secrets", "sentence"]),
    ("osc_trace", &["decode", "detect", "evidence", "flow", "osc", "time"]),
    ("toml_fault", &["sentence", "similar"]),
    ("catalogue", &["decode", "evidence", "saved", "sentence", "similar", "toml_fault"]),
    ("classify", &["catalogue", "decode", "evidence", "saved", "sentence"]),
    ("process", &["decode", "evidence", "flow", "helper_process", "secrets", "sentence"]),
    ("stats", &["catalogue", "classify", "decode", "evidence", "flow", "process", "saved", "time"]),
    ("findings", &["catalogue", "classify", "decode", "evidence", "flow", "sentence", "stats"]),
    (
        "pipeline",
        &[
            "catalogue",
            "classify",
            "decode",
            "detect",
            "evidence",
            "flow",
            "platform",
            "process",
            "saved",
            "sentence",
            "source",
            "stats",
            "time",
        ],
    ),
    ("snapshot", &["catalogue", "flow", "pipeline", "saved", "time"]),
    ("replay", &["catalogue", "pipeline", "source"]),
    ("bytes", &["catalogue", "classify", "decode", "detect", "evidence", "flow"]),
    (
        "columns",
        &["classify", "decode", "evidence", "flow", "pipeline", "process", "source", "time"],
    ),
    ("diff", &["decode", "evidence", "findings", "pipeline", "sentence", "stats"]),
    (
        "flow_filter",
        &[
            "catalogue",
            "classify",
            "columns",
            "decode",
            "evidence",
            "findings",
            "flow",
            "pipeline",
            "process",
            "sentence",
            "similar",
            "stats",
            "visibility",
        ],
    ),
    (
        "expect",
        &[
            "catalogue",
            "classify",
            "decode",
            "evidence",
            "findings",
            "flow",
            "flow_filter",
            "pipeline",
            "sentence",
            "similar",
            "stats",
            "toml_fault",
        ],
    ),
    ("slice", &["decode", "pipeline", "report", "source"]),
    (
        "report",
        &[
            "catalogue",
            "classify",
            "columns",
            "decode",
            "diff",
            "evidence",
            "expect",
            "findings",
            "flow",
            "osc",
            "osc_trace",
            "pipeline",
            "process",
            "sentence",
            "source",
            "stats",
            "time",
            "visibility",
        ],
    ),
    ("metrics_server", &["report"]),
    (
        "screen",
        &[
            "catalogue",
            "classify",
            "columns",
            "decode",
            "evidence",
            "findings",
            "flow",
            "flow_filter",
            "pipeline",
            "process",
            "report",
            "stats",
        ],
    ),
];

/// The names of the error type.
const ANYWHERE: &[&str] = &["Error", "ErrorKind", "Result"];

/// Libraries that only one place names.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("bytemuck", &["flow"]),
    ("prefetch_index", &["flow"]),
    ("smallvec", &["flow"]),
    ("pcap", &["source"]),
    ("strsim", &["similar"]),
    ("etherparse", &["decode"]),
    ("hdrhistogram", &["stats"]),
    ("clap", &["cli", "main"]),
    ("crossbeam_channel", &["pipeline"]),
    ("flate2", &["detect", "source"]),
    ("bzip2", &["source"]),
    ("glob", &["source"]),
    ("lz4_flex", &["source"]),
    ("lzma_rust2", &["source"]),
    ("zstd", &["snapshot", "source"]),
    ("httparse", &["detect", "metrics_server"]),
    ("loona_hpack", &["detect"]),
    ("quick_xml", &["detect"]),
    ("memchr", &["catalogue", "detect", "osc"]),
    ("regex_lite", &["catalogue", "flow_filter"]),
    ("der", &["detect"]),
    ("hkdf", &["detect"]),
    ("sha1", &["columns"]),
    ("base64", &["columns", "report"]),
    ("askama", &["report"]),
    ("sha2", &["catalogue", "detect", "report", "snapshot"]),
    ("arrow_array", &["report"]),
    ("arrow_schema", &["report"]),
    ("aes_gcm", &["detect"]),
    ("toml", &["catalogue", "expect"]),
    ("landlock", &["privilege"]),
    ("seccompiler", &["privilege"]),
    ("caps", &["privilege"]),
    ("rustix", &["commit", "platform", "privilege", "source"]),
    ("libc", &["privilege", "source"]),
    ("ratatui", &["screen"]),
    ("procfs", &["process"]),
    ("listeners", &["process"]),
    ("netlink_packet_core", &["process"]),
    ("netlink_packet_sock_diag", &["process"]),
];

/// Source files without tests, by module.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for path in files(&root) {
        let inside = path.strip_prefix(&root).unwrap().to_path_buf();
        // Tests may use what they test together.
        let is_test = inside.iter().any(|part| part == "tests") || inside.ends_with("tests.rs");
        if inside.extension().is_some_and(|x| x == "rs") && !is_test {
            let module = inside.iter().next().unwrap().to_str().unwrap();
            let module = module.trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            sources.push((module, inside, code));
        }
    }
    sources.sort();
    sources
}

/// The names that follow `before` in the code: one, or those between braces on the same line.
fn names_after<'a>(code: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(move |line| line.split(before).skip(1)).flat_map(|rest| {
        let list = rest.strip_prefix('{').and_then(|list| list.split('}').next());
        list.unwrap_or(rest)
            .split(',')
            .take(if list.is_some() { usize::MAX } else { 1 })
            .map(|name| name.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next())
            .map(Option::unwrap_or_default)
    })
}

#[test]
fn modules_use_only_what_stands_before_them_in_the_line() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    assert_eq!(allowed.len(), MAY_USE.len(), "a module stands twice in the table");
    for (module, file, code) in sources() {
        if matches!(module.as_str(), "lib" | "main" | "cli" | "command") {
            continue;
        }
        let may =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the table"));
        for used in
            names_after(&code, "crate::").filter(|used| *used != module && !ANYWHERE.contains(used))
        {
            assert!(
                may.contains(&used),
                "{} uses {used}, which {module} must not know",
                file.display()
            );
        }
    }
}

/// The floors of `detect` and those that each may use, beside what the module may use.
const DETECT_FLOORS: &[(&str, &[&str])] = &[
    ("prefilter", &[]),
    ("answers", &[]),
    ("statement", &["answers"]),
    ("detector", &["prefilter"]),
    ("formats", &[]),
    ("replies", &["formats", "statement"]),
    ("starttls", &["formats", "statement"]),
    ("csta_document", &["formats", "statement"]),
    ("json_document", &["formats", "statement"]),
    ("log_in", &["formats"]),
    ("shell", &[]),
    ("proxy_header", &[]),
    ("unrecognised", &["formats", "protocols", "statement"]),
    (
        "protocols",
        &[
            "csta_document",
            "detector",
            "formats",
            "json_document",
            "prefilter",
            "replies",
            "starttls",
            "statement",
        ],
    ),
    (
        "registry",
        &["detector", "prefilter", "protocols", "proxy_header", "statement", "unrecognised"],
    ),
    (
        "mod",
        &["detector", "log_in", "prefilter", "proxy_header", "registry", "shell", "unrecognised"],
    ),
];

/// Protocols whose connections turn into another, whose file they use: HTTP/1 into HTTP/2.
const DETECT_TURNS: &[(&str, &str)] = &[("http", "http2")];

#[test]
fn protocols_use_only_the_floors_below() {
    let floors: BTreeMap<_, _> = DETECT_FLOORS.iter().copied().collect();
    for (_, file, code) in sources().into_iter().filter(|(module, ..)| module == "detect") {
        let names: Vec<&str> = file.iter().skip(1).map(|name| name.to_str().unwrap()).collect();
        let floor = names[0].trim_end_matches(".rs");
        let may =
            floors.get(floor).unwrap_or_else(|| panic!("{floor} is not in the table of floors"));
        for used in names_after(&code, "crate::detect::").filter(|used| *used != floor) {
            assert!(may.contains(&used), "{} uses {used}, which {floor} must not", file.display());
        }
        let own = names.get(1).map_or("", |name| name.trim_end_matches(".rs"));
        for used in
            names_after(&code, "crate::detect::protocols::").filter(|_| floor == "protocols")
        {
            let turns = used == own || DETECT_TURNS.contains(&(own, used));
            assert!(turns, "{} uses the protocol {used}", file.display());
        }
        // A file of the folder's own may be reached by `super`, another floor may not.
        let inside = names.len() - usize::from(names.last() == Some(&"mod.rs"));
        let nested = match floor {
            "registry" => inside > 1,
            _ => inside > 2,
        };
        let up = if nested { "super::super::" } else { "super::" };
        assert_eq!(names_after(&code, up).next(), None, "{} uses {up}", file.display());
    }
}

#[test]
fn every_library_is_named_in_its_one_place() {
    for (module, file, code) in sources() {
        for (library, places) in NAMED_BY {
            let code: String = code
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            let named = code.contains(&format!("use {library}::"))
                || code.contains(&format!(" {library}::"))
                    && code.contains(&format!("({library}::"))
                || code.contains(&format!("({library}::"));
            assert!(
                !named || places.contains(&module.as_str()),
                "{} names {library}",
                file.display()
            );
        }
    }
}

#[test]
fn files_stay_below_the_ceiling() {
    for (_, file, _) in sources() {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&file))
                .unwrap();
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: think what it is two of", file.display());
    }
}
