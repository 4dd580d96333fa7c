//! `portlore slice`: the packets of some flows, with which portlore says the same of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use portlore::catalogue::Catalogue;
use portlore::decode::TenantParts;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::{self, FlowSelector, FlowView, Hooks, JudgedFlow, Options};
use portlore::slice::{SlicePart, SlicedFlows, copy};
use portlore::source::Files;

use crate::run::{outcome, portlore, refusal};

const CAPTURE: &str = "fixtures/showcase.pcap";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The captures in `fixtures/` that can be read.
fn fixtures() -> Vec<PathBuf> {
    let entries = ["fixtures", "fixtures/cases"].map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> =
        paths.filter(|path| text(path).contains(".pcap") && Files::open(&[path]).is_ok()).collect();
    captures.sort();
    captures
}

/// The flows of a capture that a filter selects.
fn flows(path: &Path, filter: &str, catalogue: &Arc<Catalogue>) -> Vec<JudgedFlow> {
    let filter = FlowFilter::parse(filter).unwrap();
    let selects = |flow: FlowView<'_>| filter.matches(flow);
    let flows = Mutex::new(Vec::new());
    let on_flow = |flow: &JudgedFlow| flows.lock().unwrap().push(flow.clone());
    let selector = FlowSelector { expression: filter.text(), selects: &selects };
    let options = Options {
        hooks: Hooks { on_flow: Some(&on_flow), selector: Some(selector), ..Hooks::default() },
        ..Options::replay()
    };
    let mut files = Files::open(&[path]).unwrap();
    pipeline::run(&mut files, None, catalogue, &options, None).unwrap();
    flows.into_inner().unwrap()
}

/// The slice of a capture with these flows, and the number of its frames.
fn slice(path: &Path, flows: &[JudgedFlow], part: SlicePart) -> (tempfile::NamedTempFile, u64) {
    let open = || Files::open(&[path]).unwrap();
    let mut sliced = SlicedFlows::new(TenantParts::NONE, part);
    flows.iter().for_each(|flow| sliced.add(flow));
    let goes_on = AtomicBool::new(false);
    let frames = sliced.frames(&mut open(), true, &goes_on).unwrap();
    let mut out = tempfile::NamedTempFile::new().unwrap();
    let copied = copy(&mut open(), (&frames, &sliced), &goes_on, |blocks| {
        out.write_all(blocks).unwrap();
        Ok(true)
    });
    assert_eq!(copied.unwrap(), frames.len());
    (out, frames.len())
}

#[test]
fn a_slice_that_is_stopped_reads_no_further() {
    let path = Path::new(CAPTURE);
    let open = || Files::open(&[path]).unwrap();
    let mut sliced = SlicedFlows::new(TenantParts::NONE, SlicePart::Everything);
    let catalogue = Catalogue::shipped().unwrap();
    flows(path, "transport = tcp", &catalogue).iter().for_each(|flow| sliced.add(flow));
    let (goes_on, stopped) = (AtomicBool::new(false), AtomicBool::new(true));
    assert!(sliced.frames(&mut open(), true, &stopped).unwrap().is_empty());
    let frames = sliced.frames(&mut open(), true, &goes_on).unwrap();
    assert!(!frames.is_empty());
    assert_eq!(copy(&mut open(), (&frames, &sliced), &stopped, |_| Ok(true)).unwrap(), 0);
}

/// What is said of each flow, but for the numbers of frames.
fn said(flows: &[JudgedFlow]) -> Vec<String> {
    let mut said: Vec<String> = flows
        .iter()
        .map(|JudgedFlow { record, verdict, .. }| {
            let reasons = verdict.reasons.iter().map(|reason| (&reason.fact, &reason.value));
            let reasons: Vec<_> = reasons.collect();
            let ends = (record.transport, record.initiator, record.responder, record.first);
            let counts = (record.packets, record.bytes, record.payload_bytes, record.outcome);
            format!("{ends:?} {counts:?} {verdict} {:?} {reasons:?}", verdict.fit)
        })
        .collect();
    said.sort();
    said
}

#[test]
fn a_slice_of_every_capture_gets_the_verdicts_of_the_whole() {
    let catalogue = Catalogue::shipped().unwrap();
    let mut sliced = 0;
    for path in fixtures() {
        for filter in ["transport = udp", "protocol = http or protocol = tls", "bytes > 0"] {
            let whole = flows(&path, filter, &catalogue);
            if whole.is_empty() {
                continue;
            }
            sliced += 1;
            let (out, _) = slice(&path, &whole, SlicePart::Everything);
            let again = flows(out.path(), "bytes > 0", &catalogue);
            assert_eq!(said(&again), said(&whole), "{}: {filter}", path.display());
        }
    }
    assert!(sliced > 300, "{sliced}");
}

#[test]
fn frames_that_prove_a_verdict_have_it_as_a_comment_with_their_place_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("osc.pcapng");
    let args = ["slice", CAPTURE, "--where", "protocol = osc", "-w", text(&out)];
    let (status, printed, said) = outcome(&args);
    assert_eq!((status, printed.as_str()), (0, ""));
    assert!(
        said.contains("osc.pcapng: ") && said.contains(" packets from 2 of 21 connections"),
        "{said}"
    );
    let bytes = fs::read(&out).unwrap();
    let shown = String::from_utf8_lossy(&bytes);
    assert!(shown.contains("portlore: udp ") && shown.contains(": osc"), "{shown}");
    assert!(shown.contains("; osc.address = /eos/"), "{shown}");
    assert!(shown.contains("(fixtures/showcase.pcap frame "), "{shown}");
}

#[test]
fn evidence_is_the_handshakes_and_the_frames_that_prove() {
    let catalogue = Catalogue::shipped().unwrap();
    let whole = flows(Path::new(CAPTURE), "protocol = http", &catalogue);
    let everything = slice(Path::new(CAPTURE), &whole, SlicePart::Everything).1;
    let (out, evidence) = slice(Path::new(CAPTURE), &whole, SlicePart::Evidence);
    assert!(evidence < everything);
    let again = flows(out.path(), "bytes > 0", &catalogue);
    assert_eq!(again.len(), whole.len());
    let handshakes = whole.iter().filter(|flow| flow.record.handshake_ns.is_some()).count();
    let kept = again.iter().filter(|flow| flow.record.handshake_ns.is_some()).count();
    assert_eq!(kept, handshakes);
}

/// A client that asks from the same port again and again, and is refused: two frames for each flow.
fn refusals(attempts: u32) -> tempfile::NamedTempFile {
    let packet = |ends: [u8; 2], ports: [u8; 2], flags: u8| -> Vec<u8> {
        let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]];
        let tcp = [4, ports[0], 4, ports[1], 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0];
        [ip, tcp].concat()
    };
    let packets = [packet([1, 2], [1, 2], 2), packet([2, 1], [2, 1], 0x14)];
    let header = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101];
    let mut capture: Vec<u8> = header.iter().flat_map(|n: &u32| n.to_be_bytes()).collect();
    for second in 0..attempts {
        for packet in &packets {
            let len = packet.len() as u32;
            capture.extend([second, 0, len, len].iter().flat_map(|n| n.to_be_bytes()));
            capture.extend(packet);
        }
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&capture).unwrap();
    file
}

#[test]
fn of_flows_with_the_same_ends_only_the_selected_ones_are_copied() {
    let catalogue = Catalogue::shipped().unwrap();
    let file = refusals(50);
    let some = flows(file.path(), "first_frame in (11, 13, 61)", &catalogue);
    assert_eq!(some.len(), 3);
    let (out, frames) = slice(file.path(), &some, SlicePart::Everything);
    assert_eq!(frames, 6);
    assert_eq!(said(&flows(out.path(), "bytes > 0", &catalogue)), said(&some));
}

#[test]
fn standard_input_several_files_and_any_number_of_workers_give_the_same_packets() {
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name);
    let slice_by = |name: &str, inputs: &[&str], stdin: Option<&str>, workers: &str| {
        let mut command = portlore(&["slice", "--where", "bytes > 0", "-w", text(&to(name)), "-q"]);
        command.args(["--workers", workers]).args(inputs).stdin(match stdin {
            Some(path) => fs::File::open(path).unwrap().into(),
            None => Stdio::null(),
        });
        assert!(command.status().unwrap().success(), "{name}");
        fs::read(to(name)).unwrap()
    };
    let one = slice_by("one", &[CAPTURE], None, "1");
    assert_eq!(one, slice_by("two", &[CAPTURE], None, "2"));
    assert_eq!(one, slice_by("sixteen", &[CAPTURE], None, "16"));
    let stdin = slice_by("stdin", &["-"], Some(CAPTURE), "2");
    let named = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches("portlore: ").count();
    assert_eq!(named(&stdin), named(&one));
    let catalogue = Catalogue::shipped().unwrap();
    let verdicts = |name: &str| said(&flows(&to(name), "bytes > 0", &catalogue));
    assert_eq!(verdicts("stdin"), verdicts("one"));
    let other = "fixtures/x32-udp-10023.pcap";
    let both = slice_by("both", &[CAPTURE, other], None, "2");
    let shown = String::from_utf8_lossy(&both);
    assert!(shown.contains(CAPTURE) && shown.contains(other), "each file is named");
}

#[test]
fn what_cannot_be_sliced_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    fs::write(&out, "mine").unwrap();
    let refused = |args: &[&str]| refusal(&[&["slice", "--where", "tag = osc"], args].concat());
    assert!(refused(&[CAPTURE, "-w", text(&out)]).contains("exists"));
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    assert!(refused(&[CAPTURE, "-w", CAPTURE, "--force"]).contains("one of the input captures"));
    let none = folder.path().join("none");
    let args = ["slice", CAPTURE, "--where", "tag = no-such", "-w", text(&none)];
    let (status, _, said) = outcome(&args);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("none of 21 connections matches 'tag = no-such'"), "{said}");
    assert!(!none.exists());
    let beside = refused(&[CAPTURE, "-", "-w", text(&folder.path().join("new"))]);
    assert!(beside.contains("save it to a file first"), "{beside}");
    let mut command = portlore(&["slice", "-", "--where", "tag = osc", "--spool-limit", "1K"]);
    command.args(["-w", text(&folder.path().join("new"))]).stdin(fs::File::open(CAPTURE).unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("raise --spool-limit"), "{said}");
    assert!(!folder.path().join("new").exists());
}
