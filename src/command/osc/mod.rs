//! `portlore osc`: the OSC messages of files or interfaces, as they come.
//!
//! One thread reads, decodes and writes: messages are few beside what a verdict on all ports has to
//! look at, and the pipeline keeps no payload beyond the first bytes of a flow.

mod display;
mod rate;
mod selection;
mod watch;

use portlore::privilege::{Account, Keep};
use portlore::report::Zone;
use portlore::report::pages::osc::OscWriter;
use portlore::report::pages::osc::ndjson::OscEvents;
use portlore::report::pages::osc::text::OscText;
use portlore::source::live::{LiveOptions, RebindHelper};
use portlore::source::{Files, Filter, Live};
use portlore::{Error, ErrorKind, Result};

use self::watch::Watch;
use super::inputs::{InputFiles, find_captures};
use super::live::{WHOLE, devices, rebind_by};
use super::output::{Output, OutputPlan, Outputs};
use super::session::drop_privileges;
use super::signal_flags::SignalFlags;
use super::{UNREADABLE, messages};
use crate::cli::{OscArgs, OscFormat};

pub fn run(args: &OscArgs) -> Result<u8> {
    let usage = |reason: &str| Err(Error::new(ErrorKind::Usage, reason));
    if args.span.is_some() && args.interfaces.is_empty() {
        let error = Error::new(ErrorKind::Usage, "needs -i: a capture file is read to its end");
        return Err(error.with_object("--for"));
    }
    match (args.files.is_empty(), args.interfaces.is_empty()) {
        (false, false) => return usage("give capture files or -i, not both"),
        (true, true) => return usage("name a capture file, or an interface with -i"),
        _ => {}
    }
    if let Some(filter) = &args.selected {
        selection::check(filter.expression())?;
    }
    let signals = SignalFlags::register()?;
    if args.interfaces.is_empty() { replay(args, &signals) } else { live(args, &signals) }
}

fn replay(args: &OscArgs, signals: &SignalFlags) -> Result<u8> {
    let paths = find_captures(&args.files, args.quiet)?;
    let mut files = Files::open_with_stop(&paths, &signals.stop)?;
    let filter = args.filter.as_deref();
    let filter = filter.map(|filter| Filter::compile(filter, &files.links())).transpose()?;
    let some_unreadable = !files.unreadable().is_empty();
    let inputs = InputFiles { captures: paths, ..InputFiles::default() };
    let output = Outputs::prepare(output_plan(args), &inputs)?.open_report()?;
    let keep = Keep { unsandboxed: args.no_sandbox, ..Keep::default() };
    drop_privileges(&keep, zone(args))?;
    let writer = writer(args, &output);
    let status = Watch::new(args, signals, output, writer).run(&mut files, filter)?;
    Ok(if some_unreadable { UNREADABLE } else { status })
}

fn live(args: &OscArgs, signals: &SignalFlags) -> Result<u8> {
    let user = args.user.as_deref().map(Account::from_name).transpose()?;
    let options = LiveOptions {
        interfaces: args.interfaces.clone(),
        promiscuous: !args.no_promiscuous,
        snap_len: WHOLE,
        buffer_bytes: args.buffer,
        filter: args.filter.clone(),
    };
    let outputs = Outputs::prepare(output_plan(args), &InputFiles::default())?;
    let rebinding = RebindHelper::start(args.user.as_deref());
    let mut live = Live::open(&options, messages::print)?;
    rebind_by(&mut live, rebinding);
    let output = outputs.open_report()?;
    // The devices are open: from here on nothing needs root.
    let keep = Keep { user, unsandboxed: args.no_sandbox, ..Keep::default() };
    drop_privileges(&keep, zone(args))?;
    outputs.watch()?;
    if !args.quiet {
        messages::print(&format!("capturing on {}; press Ctrl-C to stop", devices(&live)));
    }
    let writer = writer(args, &output);
    // The kernel filters.
    Watch::new(args, signals, output, writer).run(&mut live, None)
}

/// What is going to be written.
fn output_plan(args: &OscArgs) -> OutputPlan<'_> {
    OutputPlan {
        report: args.output.as_deref(),
        events: true,
        force: args.force,
        user: args.user.as_deref(),
        ..OutputPlan::default()
    }
}

/// The time zone of text.
fn zone(args: &OscArgs) -> Zone {
    if args.local { Zone::Local } else { Zone::Utc }
}

fn writer(args: &OscArgs, output: &Output) -> Box<dyn OscWriter> {
    match args.format {
        OscFormat::Text => Box::new(OscText::new(output.style(), zone(args), output.is_terminal())),
        OscFormat::Ndjson => Box::new(OscEvents),
    }
}
