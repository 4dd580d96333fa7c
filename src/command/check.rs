//! `portlore check`.

use std::path::Path;
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::pipeline::{JudgedFlow, Run};
use portlore::privilege::Keep;
use portlore::report::Zone;
use portlore::report::pages::check as page;
use portlore::report::pages::check::CheckPage;
use portlore::report::parts::display_filter::FilterOn;
use portlore::{Error, ErrorKind, Result, expect, findings};

use super::analysis::{OpenCaptures, options, output_plan};
use super::catalogue::{load, places};
use super::expectations::{ExpectationsFile, FlowCheck};
use super::inputs::{InputFiles, names};
use super::output::{Output, Outputs};
use super::session::drop_privileges;
use super::signal_flags::SignalFlags;
use super::{FAILED, INCOMPLETE, UNREADABLE, messages};
use crate::cli::{CheckArgs, CheckFormat};

pub fn run(args: &CheckArgs) -> Result<u8> {
    let catalogue = Arc::new(load(&args.analysis.catalogue)?);
    let signals = SignalFlags::register()?;
    if args.learn {
        return learn(args, &catalogue, &signals);
    }
    let (path, captures) = match &args.files[..] {
        [path, captures @ ..] if !captures.is_empty() => (path, captures),
        _ => {
            return Err(Error::new(
                ErrorKind::Usage,
                "a file of expectations or a capture is missing",
            )
            .with_remedy("write portlore check FILE.toml CAPTURE; --learn writes a first file"));
        }
    };
    let file = ExpectationsFile::read(path, &catalogue)?;
    let captures = OpenCaptures::open(captures, &args.analysis, &signals)?;
    let some_unreadable = captures.has_unreadable();
    let output = prepare(args, &captures, Some(path))?;
    let inputs = names(&captures.paths);
    let facts = file.expectations.facts();
    let check = FlowCheck::new(&file);
    let on_flow = |flow: &JudgedFlow| check.flow(flow);
    let mut options = options(&args.analysis, &signals);
    options.keep_reasons = true;
    options.first_values = &facts;
    options.hooks.on_flow = Some(&on_flow);
    let run = captures.run(&catalogue, &options, (&args.analysis, &signals))?;
    let findings = findings::find(&run.stats, &run.catalogue);
    let checked = check.end(&run, &findings);
    let page = CheckPage {
        file: &file.name,
        name: file.expectations.name.as_deref(),
        inputs: &inputs,
        checked: &checked,
        problems: &run.problems,
        notices: &run.notices,
        filter_on: FilterOn::Frames,
    };
    output.write(|out, style| match args.format {
        CheckFormat::Text => page::write(out, &page, style),
        CheckFormat::Json => page::write_json(out, &page),
        CheckFormat::Junit => page::write_junit(out, &page),
    })?;
    run.problems.iter().for_each(|line| messages::print(line));
    Ok(match (checked.holds(), run.problems.is_empty()) {
        _ if some_unreadable => UNREADABLE,
        (false, _) => FAILED,
        (true, false) => INCOMPLETE,
        (true, true) => 0,
    })
}

/// Writes a first file of expectations.
fn learn(args: &CheckArgs, catalogue: &Arc<Catalogue>, signals: &SignalFlags) -> Result<u8> {
    let captures = OpenCaptures::open(&args.files, &args.analysis, signals)?;
    let some_unreadable = captures.has_unreadable();
    let output = prepare(args, &captures, None)?;
    let inputs = names(&captures.paths);
    let options = options(&args.analysis, signals);
    let run: Run = captures.run(catalogue, &options, (&args.analysis, signals))?;
    let findings = findings::find(&run.stats, &run.catalogue);
    let text = expect::learn(&run, &findings, &inputs);
    output.write(|out, _| out.write_all(text.as_bytes()))?;
    run.problems.iter().for_each(|line| messages::print(line));
    Ok(match run.problems.is_empty() {
        _ if some_unreadable => UNREADABLE,
        false => INCOMPLETE,
        true => 0,
    })
}

/// Opens the output, and gives up every right that is not needed.
fn prepare(args: &CheckArgs, captures: &OpenCaptures, file: Option<&Path>) -> Result<Output> {
    let inputs = InputFiles {
        captures: captures.paths.clone(),
        services: places(&args.analysis.catalogue),
        others: file.map(Path::to_owned).into_iter().collect(),
    };
    let plan = output_plan(args.output.as_deref(), &args.analysis);
    let output = Outputs::prepare(plan, &inputs)?.open_report()?;
    let keep = Keep { unsandboxed: args.analysis.reading.process.no_sandbox, ..Keep::default() };
    drop_privileges(&keep, Zone::Utc)?;
    Ok(output)
}
