//! Parse, run, exit status. stdout is data, stderr is talk.

mod cli;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;
use portlore::catalogue::{self, Catalogue, Fault};
use portlore::decode::Transport;
use portlore::pipeline::{self, Tally};
use portlore::report::{self, Report, Style};
use portlore::source::{self, Drops, Files, Filter, Source};
use portlore::{detect, listening, privilege};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

/// Flows and their first bytes come and go by the million in small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use crate::cli::{CatalogueCommand, Cli, Command, Common, Format};

/// Usage, or input that could not be read at all.
const UNREADABLE: u8 = 2;
/// Finished, but the input was incomplete.
const INCOMPLETE: u8 = 3;

/// Lines for stderr.
type Errors = Vec<String>;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(args) => replay(&args),
        Command::Live(args) => live(&args),
        Command::Interfaces => interfaces(),
        Command::Port(args) => port(&args),
        Command::Catalogue { command: CatalogueCommand::Check { paths } } => check(&paths),
        Command::Catalogue { command: CatalogueCommand::Facts } => facts(),
    };
    ExitCode::from(result.unwrap_or_else(|errors| {
        errors.iter().for_each(|line| say(line));
        UNREADABLE
    }))
}

fn replay(args: &cli::Replay) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let mut files = Files::open(&args.files, &wishes.stop)?;
    let filter = args.common.filter.as_deref().map(|f| Filter::compile(f, &files.links())).transpose().map_err(one)?;
    let some_unreadable = !files.unreadable().is_empty();
    let inputs: Vec<String> = args.files.iter().map(|f| f.display().to_string()).collect();
    run(
        &mut files,
        filter,
        &catalogue,
        &args.common,
        &wishes,
        &Kind { inputs, files: args.files.clone(), live: false, span: None },
    )
    .map(|status| if some_unreadable { UNREADABLE } else { status })
}

fn live(args: &cli::Live) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let options = source::live::Options {
        interface: args.interface.clone(),
        promiscuous: !args.no_promiscuous,
        snap_len: args.snap_length,
        buffer_bytes: args.buffer_kib * 1024,
        filter: args.common.filter.clone(),
    };
    let mut live = source::Live::open(&options).map_err(one)?;
    if !args.common.quiet {
        say(&format!("capturing on {} ({}); Ctrl-C ends it with the report", args.interface, live.link()));
    }
    let kind = Kind { inputs: vec![args.interface.clone()], files: Vec::new(), live: true, span: args.span };
    run(&mut live, None, &catalogue, &args.common, &wishes, &kind)
}

/// What differs between the two ways of reading.
struct Kind {
    inputs: Vec<String>,
    files: Vec<PathBuf>,
    live: bool,
    span: Option<Duration>,
}

/// Captures, classifies, writes the report: the same for files and interfaces.
fn run(
    source: &mut dyn Source,
    filter: Option<Filter>,
    catalogue: &Catalogue,
    common: &Common,
    wishes: &Wishes,
    kind: &Kind,
) -> Result<u8, Errors> {
    let output = Output::open(common.output.as_ref(), &kind.files)?;
    // The device and the files are open: from here on nothing needs root or the file system.
    if let Err(reason) = privilege::give_up() {
        say(&format!("warning: {reason}"));
    }
    let options = pipeline::Options {
        workers: common.workers.map_or_else(cores, usize::from),
        max_flows: common.max_flows as usize,
        opening_bytes: (common.opening_mib as usize) << 20,
        tunnels: !common.no_tunnels,
        keep_flows: common.flows || common.why,
        live: kind.live,
        frames: common.count,
        span: kind.span,
        stop: &wishes.stop,
        tell: &wishes.tell,
        on_tell: &tell,
    };
    let run = pipeline::run(source, filter, catalogue, &options, None).map_err(one)?;
    let report = Report { inputs: &kind.inputs, run: &run, catalogue };
    let flows = common.flows || common.why;
    output.write(|out, style| match common.format {
        Format::Json => report::json::write(out, &report, flows),
        Format::Table => {
            let parts = report::text::Parts { flows: common.flows, why: common.why, top: common.top };
            report::text::write(out, &report, style, parts)
        }
    })?;
    if report.is_complete() {
        return Ok(0);
    }
    run.problems.iter().for_each(|line| say(line));
    Ok(INCOMPLETE)
}

/// Classifier threads where nobody chose: more than four have never been kept busy by one capture thread.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

fn interfaces() -> Result<u8, Errors> {
    let list = source::devices::list().map_err(one)?;
    Output::open(None, &[])?.write(|out, style| report::interfaces::write(out, style, &list))?;
    Ok(0)
}

fn port(args: &cli::Port) -> Result<u8, Errors> {
    let catalogue = load(&args.catalogue)?;
    let (port, transport) = args.port;
    let transports = transport.map_or(vec![Transport::Tcp, Transport::Udp], |t| vec![t]);
    let listeners =
        listening::on_port(port).map(|all| all.into_iter().filter(|l| transports.contains(&l.transport)).collect::<Vec<_>>());
    Output::open(None, &[])?.write(|out, style| report::port::write(out, style, &catalogue, port, &transports, &listeners))?;
    Ok(0)
}

fn check(paths: &[PathBuf]) -> Result<u8, Errors> {
    let (files, faults) = catalogue::check_all(paths, &detect::is_stated);
    if !faults.is_empty() {
        return Err(lines(faults));
    }
    Output::open(None, &[])?.write(|out, _| writeln!(out, "{files} service files, no fault"))?;
    Ok(0)
}

fn facts() -> Result<u8, Errors> {
    Output::open(None, &[])?.write(|out, _| {
        detect::DETECTORS.iter().flat_map(|detector| detector.facts).try_for_each(|fact| writeln!(out, "{fact}"))
    })?;
    Ok(0)
}

/// The shipped catalogue, the user's folder, the files named on the command line: each over the one before it.
fn load(named: &[PathBuf]) -> Result<Catalogue, Errors> {
    let user: Vec<PathBuf> = catalogue::user_folder(privilege::caller_home()).into_iter().chain(named.iter().cloned()).collect();
    Catalogue::load(&user).map_err(lines)
}

/// What signals ask for.
struct Wishes {
    stop: Arc<AtomicBool>,
    tell: Arc<AtomicBool>,
}

impl Wishes {
    fn register() -> Result<Self, Errors> {
        let wishes = Self { stop: Arc::default(), tell: Arc::default() };
        let register = || {
            for signal in [SIGINT, SIGTERM] {
                // A second one ends the program at once, in case the report takes long.
                signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&wishes.stop))?;
                signal_hook::flag::register(signal, Arc::clone(&wishes.stop))?;
            }
            signal_hook::flag::register(SIGUSR1, Arc::clone(&wishes.tell))
        };
        match register() {
            Ok(_) => Ok(wishes),
            Err(error) => Err(vec![format!("signals cannot be received: {error}")]),
        }
    }
}

/// The counts so far, on SIGUSR1.
fn tell(tally: &Tally, drops: Drops) {
    let skipped: u64 = tally.skipped().map(|(_, n)| n).sum();
    say(&format!(
        "{} frames, {} segments, {skipped} skipped; dropped: kernel {}, interface {}, queue {}",
        tally.frames, tally.segments, drops.kernel, drops.interface, tally.queue
    ));
}

/// Where the report goes. Opened before root is given up.
struct Output {
    out: Box<dyn Write>,
    name: String,
    style: Style,
}

impl Output {
    fn open(path: Option<&PathBuf>, inputs: &[PathBuf]) -> Result<Self, Errors> {
        let Some(path) = path else {
            let stdout = io::stdout();
            let terminal = stdout.is_terminal();
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            let style = Style {
                width: width.filter(|_| terminal).unwrap_or(Style::default().width).max(60),
                colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            };
            return Ok(Self { out: Box::new(BufWriter::new(stdout)), name: "standard output".into(), style });
        };
        let name = path.display().to_string();
        let fail = |reason: String| vec![format!("{name}: cannot be written: {reason}; choose another place with -o")];
        if inputs.iter().any(|input| is_same(path, input)) {
            return Err(fail("it is one of the captures to be read".into()));
        }
        // Only what is new is given away: a device or somebody's file stays whose it is.
        let file = match File::create_new(path) {
            Ok(file) => privilege::give_to_caller(&file).map(|()| file),
            Err(_) => File::create(path).map_err(|e| e.to_string()),
        };
        let file = file.map_err(fail)?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name, style: Style::default() })
    }

    /// Writes and flushes. A reader who went away is a quiet end.
    fn write(mut self, write: impl FnOnce(&mut dyn Write, Style) -> io::Result<()>) -> Result<(), Errors> {
        match write(&mut self.out, self.style).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(vec![format!("{}: cannot be written: {error}", self.name)])
            }
            _ => Ok(()),
        }
    }
}

/// Whether two names mean one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) else { return false };
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// A line on stderr. Where nobody reads it there is nobody to tell.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "portlore: {}", report::escape(line)));
}

fn one(line: String) -> Errors {
    vec![line]
}

fn lines(faults: Vec<Fault>) -> Errors {
    faults.into_iter().map(|fault| fault.to_string()).collect()
}
