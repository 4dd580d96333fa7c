//! Text that every match of a regular expression contains. To search it takes far less time than to
//! try the expression.

/// The shortest text that is worth a search, in bytes.
const SHORTEST: usize = 3;

/// The longest text of `pattern` that every match contains, as far as the syntax shows it without
/// much ado: plain characters outside of groups. `None` where there is none, where letters match in
/// either case, and where the expression begins at the start of the value, so that it fails at once.
pub(super) fn required(pattern: &str) -> Option<String> {
    let (mut best, mut run) = (String::new(), String::new());
    let mut end = |run: &mut String| {
        if run.len() > best.len() {
            best.clone_from(run);
        }
        run.clear();
    };
    if pattern.starts_with('^') {
        return None;
    }
    let mut chars = pattern.chars().peekable();
    let mut depth = 0_usize;
    let mut is_first = true;
    while let Some(c) = chars.next() {
        let mut literal = None;
        match c {
            '(' => {
                depth += 1;
                if chars.peek() == Some(&'?') {
                    // Flags: only lines may change what the rest means.
                    let flags: String =
                        chars.by_ref().take_while(|&c| c != ':' && c != ')' && c != '>').collect();
                    match flags.as_str() {
                        // `(?m)` has ended with its bracket, `(?:` has not.
                        "?m" | "?s" if is_first => depth -= 1,
                        "?" => {}
                        name if name.starts_with("?P<") || name.starts_with("?<") => {}
                        _ => return None,
                    }
                }
            }
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return None,
            '[' => {
                // A bracket that comes first is a member.
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
                chars.next_if_eq(&']');
                loop {
                    match chars.next()? {
                        ']' => break,
                        // A class within a class.
                        '[' => return None,
                        '\\' => {
                            chars.next();
                        }
                        _ => {}
                    }
                }
            }
            '\\' => match chars.next()? {
                'x' | 'u' | 'U' | 'p' | 'P' => return None,
                letter if letter.is_ascii_alphanumeric() => {}
                plain => literal = Some(plain),
            },
            '.' | '^' | '$' | '?' | '*' | '+' => {}
            '{' => {
                chars.by_ref().find(|&c| c == '}');
            }
            plain => literal = Some(plain),
        }
        is_first = false;
        let Some(literal) = literal.filter(|_| depth == 0) else {
            end(&mut run);
            continue;
        };
        match chars.peek() {
            Some('?' | '*' | '{') => end(&mut run),
            Some('+') => {
                run.push(literal);
                end(&mut run);
            }
            _ => run.push(literal),
        }
    }
    end(&mut run);
    (best.len() >= SHORTEST).then_some(best)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn the_longest_plain_text_is_found() {
        for (pattern, text) in [
            (r#""Browser": ?"(Headless)?(Chrome|Edg)/"#, Some("\"Browser\":")),
            (r#""result":\s*"KoboldCpp""#, Some("\"KoboldCpp\"")),
            (r"(?m)^# HELP ([a-zA-Z0-9_]+)_exporter_build_info ", Some("_exporter_build_info ")),
            (r"node[.]js/v", Some("node")),
            (r"a\.b\.cd+e", Some("a.b.cd")),
            (r"[]x]abc", Some("abc")),
            (r"abc{2}de", None),
            ("^abc", None),
            ("abc|def", None),
            ("(?i)abc", None),
            ("(?x)a b c", None),
            (r"\x61bcdef", None),
            ("(abc)", None),
            ("ab", None),
        ] {
            assert_eq!(required(pattern).as_deref(), text, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn whatever_matches_contains_it(
            pattern in r"([abc.]|\[ab\]|\\\.|[ab][?*+]|a\{0,1\}|\(ab\)\??|\(?:ab?\)|\^|\|){1,9}",
            value in "[abc.]{0,12}",
        ) {
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            if let Some(text) = required(&pattern) {
                prop_assert!(!regex.is_match(&value) || value.contains(&text), "{}", text);
            }
        }
    }
}
