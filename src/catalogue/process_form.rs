//! How a service's processes are called: evidence of who may hold a port, never of what is spoken.

/// Words of a command line that are looked at, and bytes of a process's name as Linux keeps it.
const WORDS: usize = 8;
const NAME: usize = 15;

/// One way in which a process of a service is called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessForm {
    /// The process's own name.
    Name(String),
    /// Words that follow each other among the first of the command line. The first is compared
    /// without its path.
    Command(Vec<String>),
}

impl ProcessForm {
    /// The form of a name or of the words of a command line, of which one must be given.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(super) fn new(name: Option<String>, command: Option<&str>) -> Result<Self, String> {
        match (name, command) {
            (Some(name), None) if (1..=NAME).contains(&name.len()) => Ok(Self::Name(name)),
            (Some(_), None) => Err(format!("process: a name must have 1 to {NAME} bytes")),
            (None, Some(command)) => {
                let words: Vec<_> = command.split_ascii_whitespace().map(Into::into).collect();
                match words.len() {
                    1..=WORDS => Ok(Self::Command(words)),
                    _ => Err(format!("process: a command must have 1 to {WORDS} words")),
                }
            }
            _ => Err("process: give either name or command".into()),
        }
    }

    /// How exactly the form describes this process; `None` where it does not.
    pub(super) fn fit(&self, name: &str, command: &str) -> Option<usize> {
        match self {
            Self::Name(known) => (known == name).then_some(0),
            Self::Command(known) => {
                let words: Vec<_> = command.split_ascii_whitespace().take(WORDS).collect();
                let is_here = |words: &[&str]| {
                    known.iter().zip(words).enumerate().all(|(i, (known, word))| {
                        known == if i == 0 { base_name(word) } else { word }
                    })
                };
                words.windows(known.len()).any(is_here).then_some(known.len())
            }
        }
    }
}

/// A word of a command line without its path.
fn base_name(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_behind_its_interpreter_and_without_its_path() {
        let form = |command| ProcessForm::new(None, Some(command)).unwrap();
        let fits = |known, command| form(known).fit("node", command);
        assert_eq!(fits("vite", "node /srv/app/node_modules/.bin/vite --port 3000"), Some(1));
        assert_eq!(fits("next-server", "next-server (v15.1.0)"), Some(1));
        assert_eq!(fits("-m http.server", "python3 -m http.server 8000"), Some(2));
        assert_eq!(fits("vite", "node server.js --name vitess"), None);
        assert_eq!(fits("ng serve", "ng build serve"), None);
        assert_eq!(fits("ng serve", "ng"), None);
    }

    #[test]
    fn a_name_is_compared_as_a_whole() {
        let form = ProcessForm::new(Some("redis-server".into()), None).unwrap();
        assert_eq!(form.fit("redis-server", ""), Some(0));
        assert_eq!(form.fit("redis", "redis-server"), None);
    }

    #[test]
    fn a_form_is_either_a_name_or_a_command() {
        assert!(ProcessForm::new(None, None).is_err());
        assert!(ProcessForm::new(Some("a".into()), Some("b")).is_err());
        assert!(ProcessForm::new(Some("longer than a name".into()), None).is_err());
        assert!(ProcessForm::new(None, Some(" ")).is_err());
    }
}
