//! Address patterns, with OSC's own wildcards.

use std::fmt;

/// A pattern over addresses (OSC 1.0, "Address Pattern"; `//` of OSC 1.1):
///
/// - `?` is one character, `*` any number of them, neither a slash;
/// - `[abc]`, `[a-z]` are one of these characters, `[!a-z]` one that is none of them;
/// - `{foo,bar}` is one of these words;
/// - `//` is a slash with any number of levels behind it: `//gain`, `/mixer//mute`.
///
/// Any other character stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPattern(Vec<PatternPart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    Literal(char),
    One,
    Any,
    Set { negated: bool, ranges: Vec<(char, char)> },
    Words(Vec<Vec<char>>),
    Levels,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternFault(&'static str);

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PatternFault {}

impl std::str::FromStr for AddressPattern {
    type Err = PatternFault;

    fn from_str(text: &str) -> Result<Self, PatternFault> {
        if !text.starts_with(['/', '*', '?', '[', '{']) && text != "node" {
            return Err(PatternFault("an address begins with /, such as '/eos/*'"));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let mut until = |end: char, missing| {
                let (inside, behind) = rest.split_once(end).ok_or(PatternFault(missing))?;
                rest = behind;
                Ok(inside)
            };
            parts.push(match c {
                '?' => PatternPart::One,
                '*' => PatternPart::Any,
                '[' => set(until(']', "'[' has no ']'")?),
                '{' => {
                    let words = until('}', "'{' has no '}'")?.split(',');
                    PatternPart::Words(words.map(|word| word.chars().collect()).collect())
                }
                '/' if rest.starts_with('/') => {
                    rest = rest.trim_start_matches('/');
                    PatternPart::Levels
                }
                c => PatternPart::Literal(c),
            });
        }
        Ok(Self(parts))
    }
}

/// The set between two brackets. A minus at an end stands for itself.
fn set(inside: &str) -> PatternPart {
    let (negated, inside) =
        inside.strip_prefix('!').map_or((false, inside), |inside| (true, inside));
    let characters: Vec<char> = inside.chars().collect();
    let (mut ranges, mut at) = (Vec::new(), 0);
    while let Some(&from) = characters.get(at) {
        let to = characters.get(at + 2).filter(|_| characters[at + 1] == '-');
        ranges.push((from, *to.unwrap_or(&from)));
        at += if to.is_some() { 3 } else { 1 };
    }
    PatternPart::Set { negated, ranges }
}

impl AddressPattern {
    /// Whether an address matches. The work is bounded by the product of both lengths.
    #[must_use]
    pub fn matches(&self, address: &[u8]) -> bool {
        let address: Vec<char> = String::from_utf8_lossy(address).chars().collect();
        // The places in the address that the parts so far can have reached.
        let mut reached = vec![false; address.len() + 1];
        reached[0] = true;
        for part in &self.0 {
            reached = part.advance(&address, &reached);
        }
        reached[address.len()]
    }
}

impl PatternPart {
    /// The places that this part reaches from the places `from`.
    fn advance(&self, address: &[char], from: &[bool]) -> Vec<bool> {
        let mut to = vec![false; from.len()];
        // Whether a place behind has reached this one: each address is passed over once.
        let mut carried = false;
        for at in 0..from.len() {
            let here = address.get(at).copied();
            let one = |matches: &dyn Fn(char) -> bool| from[at] && here.is_some_and(matches);
            match self {
                Self::Literal(wanted) if one(&|c| c == *wanted) => to[at + 1] = true,
                Self::One if one(&|c| c != '/') => to[at + 1] = true,
                Self::Set { negated, ranges } => {
                    let is_in = |c| ranges.iter().any(|&(a, b)| (a..=b).contains(&c));
                    if one(&|c| c != '/' && is_in(c) != *negated) {
                        to[at + 1] = true;
                    }
                }
                Self::Words(words) if from[at] => {
                    for word in words.iter().filter(|word| address[at..].starts_with(word)) {
                        to[at + word.len()] = true;
                    }
                }
                Self::Any => {
                    carried |= from[at];
                    to[at] = carried;
                    carried &= here != Some('/');
                }
                Self::Levels if here == Some('/') => {
                    carried |= from[at];
                    to[at + 1] = carried;
                }
                _ => {}
            }
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, address: &str) -> bool {
        pattern.parse::<AddressPattern>().unwrap().matches(address.as_bytes())
    }

    #[test]
    fn wildcards_are_those_of_osc_1_0() {
        for (pattern, yes, no) in [
            ("/oscillator/?/frequency", "/oscillator/4/frequency", "/oscillator/10/frequency"),
            ("/a*c", "/abbc", "/ab/c"),
            ("/*", "/", "/a/b"),
            ("/*/freq", "/4/freq", "/freq"),
            ("/[abc]", "/b", "/d"),
            ("/[a-c]x", "/bx", "/dx"),
            ("/[!a-c]x", "/dx", "/bx"),
            ("/[!a]", "/b", "//"),
            ("/[a-]", "/-", "/b"),
            ("/{foo,bar}/1", "/bar/1", "/baz/1"),
            ("/{a,ab}c", "/abc", "/bc"),
            ("/eos/out/*/[0-9]*", "/eos/out/chan/12", "/eos/out/chan/x"),
            ("/é?", "/éa", "/é"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn two_slashes_are_any_number_of_levels() {
        for yes in ["/spherical", "/a/spherical", "/a/b/spherical"] {
            assert!(matches("//spherical", yes), "{yes}");
        }
        assert!(matches("/position//x", "/position/a/b/x") && matches("/a//*", "/a/b/c"));
        assert!(!matches("//spherical", "/aspherical") && !matches("/position//x", "/posit/x"));
    }

    #[test]
    fn a_pattern_of_many_stars_ends() {
        assert!(!matches(&"/*".repeat(40), &"/aaaaaaaaaaaaaaaa".repeat(200)));
        assert!(!matches(&format!("/{}b", "*a".repeat(60)), &format!("/{}", "a".repeat(4000))));
    }

    #[test]
    fn an_address_as_long_as_a_packet_costs_a_pass_for_each_part() {
        let began = std::time::Instant::now();
        assert!(!matches("/*a*b", &format!("/{}", "a".repeat(1 << 20))));
        assert!(!matches("//a//b", &"/a".repeat(1 << 19)));
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let why = |text: &str| text.parse::<AddressPattern>().unwrap_err().to_string();
        assert!(why("eos").contains("begins with /"));
        assert_eq!((why("/[a"), why("/{a")), ("'[' has no ']'".into(), "'{' has no '}'".into()));
    }
}
