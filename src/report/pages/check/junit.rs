//! The check as `JUnit` XML, which CI servers show: a test suite, and a test case for each rule.
//! <https://github.com/testmoapp/junitxml>

use std::io::{self, Write};

use super::{CheckPage, wireshark};
use crate::expect::{CheckedRule, Violation};
use crate::report::parts::escape::escape;
use crate::report::parts::why;

/// Writes the check.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &CheckPage<'_>) -> io::Result<()> {
    let checked = page.checked;
    let (tests, failures) = (checked.rules.len(), checked.violated());
    // An incomplete capture is a test case of its own, which fails unlike those of rules.
    let errors = usize::from(!page.problems.is_empty());
    let counts =
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", tests + errors);
    let suite = page.name.unwrap_or(page.file);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"portlore check\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"{}\" {counts} skipped=\"0\">", xml(suite))?;
    writeln!(out, "    <properties>")?;
    for input in page.inputs {
        writeln!(out, "      <property name=\"input\" value=\"{}\"/>", xml(input))?;
    }
    writeln!(out, "    </properties>")?;
    for rule in &checked.rules {
        write_case(out, page, rule)?;
    }
    if errors > 0 {
        writeln!(out, "    <testcase name=\"the input is complete\" classname=\"input\">")?;
        let lines: Vec<String> = page.problems.iter().map(|line| xml(line)).collect();
        writeln!(
            out,
            "      <error message=\"{}\">{}</error>",
            lines.first().map_or("", String::as_str),
            lines.join("\n")
        )?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn write_case(
    out: &mut dyn Write,
    page: &CheckPage<'_>,
    CheckedRule { rule, violations }: &CheckedRule<'_>,
) -> io::Result<()> {
    let case = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
        xml(&rule.name),
        rule.table(),
        xml(page.file),
        rule.line
    );
    let Some(first) = violations.first() else { return writeln!(out, "{case}/>") };
    writeln!(out, "{case}>")?;
    let mut text = String::new();
    for violation in violations {
        text += &told(page, violation)?;
    }
    writeln!(
        out,
        "      <failure type=\"{}\" message=\"{}\">{text}</failure>",
        first.expectation.as_str(),
        xml(&first.message)
    )?;
    writeln!(out, "    </testcase>")
}

/// What breaks a rule, in lines.
fn told(page: &CheckPage<'_>, violation: &Violation) -> io::Result<String> {
    let frame = violation.frame.map_or_else(String::new, |frame| format!(" (frame {frame})"));
    let mut text =
        format!("{}: {}{frame}\n", violation.expectation.as_str(), xml(&violation.message));
    let mut flows = Vec::new();
    for flow in &violation.flows {
        why::write(&mut flows, flow, Some(page.filter_on))?;
    }
    // They are escaped for terminals.
    text += &markup(&String::from_utf8_lossy(&flows));
    if violation.more > 0 {
        text += &format!("and {} more\n", violation.more);
    }
    if let Some(filter) =
        wireshark(violation, page.filter_on).filter(|_| violation.flows.is_empty())
    {
        text += &format!("Wireshark: {}\n", markup(&filter));
    }
    if let Some(filter) = &violation.filter {
        text += &format!("--where '{}'\n", xml(filter));
    }
    Ok(text)
}

/// Untrusted text for an attribute or an element: what nobody sees is written by its number, since
/// XML 1.0 has no place for control characters.
fn xml(text: &str) -> String {
    markup(&escape(text))
}

/// A text without characters that XML gives a meaning.
fn markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(
            xml("</failure>\"'&\x1b\u{202e}\0"),
            "&lt;/failure&gt;&quot;&apos;&amp;\\x1b\\u{202e}\\x00"
        );
        assert_eq!(xml("\u{fffe}\u{9b}\n"), "\\u{fffe}\\u{9b}\\n");
        assert_eq!(markup("frame 4\n  tcp"), "frame 4\n  tcp");
    }
}
