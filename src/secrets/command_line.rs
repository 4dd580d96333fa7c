//! Command lines without the secrets in them.

use super::HIDDEN;
use super::clients::{ClientProgram, NO_CLIENT, client};
use super::names::{is_choice, names_secret};
use super::values::{is_port, without_secrets};

/// Bytes of a word that are looked at; what follows is left out.
const LONGEST: usize = 4096;

/// Options that a user and a password follow, with a colon, a comma or a percent sign between.
const LOG_INS: [&str; 6] = ["-u", "-U", "--user", "--username", "--proxy-user", "--login"];

/// What the word before says about the next one.
#[derive(Clone, Copy, Default, PartialEq)]
enum NextWord {
    #[default]
    Anything,
    /// A secret, unless it is an option.
    Secret,
    /// A secret, whatever it looks like.
    SecretAnyway,
    /// A secret, or a port, or a folder: `-p`.
    SecretOrPort,
    /// `user:password`.
    LogIn,
    /// Authorization: its scheme and then the secret, or the secret.
    Authorization,
    /// The rest of the line, or up to this quotation mark.
    Until(Option<char>),
}

/// A command line that is written word by word, without secrets.
#[derive(Default)]
pub(crate) struct CommandLine {
    text: String,
    expected: NextWord,
    client: Option<&'static ClientProgram>,
}

impl CommandLine {
    /// A line as somebody typed it.
    pub(crate) fn typed(line: &str) -> String {
        let mut typed = Self::default();
        line.split_whitespace().for_each(|word| typed.push_plain(word));
        typed.text
    }

    /// Adds a word.
    pub(crate) fn push(&mut self, word: &str) {
        let end = (0..=LONGEST.min(word.len())).rev().find(|&at| word.is_char_boundary(at));
        let word = &word[..end.unwrap_or(0)];
        if word.contains(char::is_whitespace) && !self.hides_next(word) {
            // A command for a shell, the field of a header, a title.
            let mut within = Self { client: self.client, ..Self::default() };
            word.split_whitespace().for_each(|word| within.push_plain(word));
            self.write(&within.text);
            self.expected = NextWord::Anything;
        } else {
            self.push_plain(word);
        }
    }

    /// What was added so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn hides_next(&self, word: &str) -> bool {
        match self.expected {
            NextWord::Secret => !word.starts_with('-'),
            NextWord::SecretAnyway => true,
            NextWord::SecretOrPort => !is_port_or_path(word),
            _ => false,
        }
    }

    fn write(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }

    /// Adds a word without white space.
    fn push_plain(&mut self, word: &str) {
        if let NextWord::Until(quote) = self.expected {
            if quote.is_some_and(|quote| word.ends_with(quote)) {
                self.expected = NextWord::Anything;
            }
            // One sign stands for all that is left out.
            if !self.text.ends_with(HIDDEN) {
                self.write(HIDDEN);
            }
            return;
        }
        if self.hides_next(word) {
            self.write(HIDDEN);
            self.expected =
                open_quote(word).map_or(NextWord::Anything, |q| NextWord::Until(Some(q)));
            return;
        }
        let expected = std::mem::take(&mut self.expected);
        match expected {
            NextWord::LogIn => {
                let text = log_in(word);
                self.write(&text);
            }
            NextWord::Authorization if is_scheme(word) => {
                self.write(word);
                self.expected = NextWord::SecretAnyway;
            }
            NextWord::Authorization => {
                self.write(HIDDEN);
                self.expected = NextWord::Until(open_quote(word));
            }
            _ => self.push_any(word),
        }
    }

    /// Adds a word of which nothing is known from the word before it.
    fn push_any(&mut self, word: &str) {
        let bare = word.trim_matches(['"', '\'', '(', '`']);
        if let Some(client) = client(bare) {
            self.client = Some(client);
        }
        let client = self.client.unwrap_or(&NO_CLIENT);
        if let Some(option) = client.attached.iter().find(|option| {
            word.len() > option.len() && word.starts_with(**option) && !word.starts_with("--")
        }) {
            return self.write(&format!("{option}{HIDDEN}"));
        }
        if let Some((user_end, end)) = client.log_in
            && !word.starts_with('-')
            && let Some((user, rest)) =
                word.split_once(user_end).filter(|(user, _)| !user.is_empty())
        {
            let after = rest.find(end).map_or("", |at| &rest[at..]);
            return self.write(&format!("{user}{user_end}{HIDDEN}{after}"));
        }
        if let Some(option) = LOG_INS.iter().find(|option| {
            let rest = word.strip_prefix(**option);
            rest.is_some_and(|rest| rest.starts_with('=') || option.len() == 2 && !rest.is_empty())
        }) && !word.contains("://")
        {
            let value = word[option.len()..].trim_start_matches('=');
            let name = &word[..word.len() - value.len()];
            return self.write(&format!("{name}{}", log_in(value)));
        }
        let shown = without_secrets(word);
        self.expected = match shown.open_quote {
            Some(quote) => NextWord::Until(Some(quote)),
            None if shown.text != word => NextWord::Anything,
            None => self.after(word, bare, client),
        };
        self.write(&shown.text);
    }

    /// What a word, as it came and without quotation marks, says about the next one.
    fn after(&self, word: &str, bare: &str, client: &ClientProgram) -> NextWord {
        let is_option = word.starts_with('-');
        if client.separate.contains(&word) {
            return NextWord::SecretAnyway;
        }
        if LOG_INS.contains(&word) {
            return NextWord::LogIn;
        }
        // Where the client is known, its other options are known, too.
        if word == "-p" && (self.client.is_none() || !client.attached.is_empty()) {
            return NextWord::SecretOrPort;
        }
        match bare.strip_suffix(':') {
            Some(name) if name.to_ascii_lowercase().ends_with("authorization") => {
                return NextWord::Authorization;
            }
            Some(name) if !name.contains(['/', ':']) && names_secret(name) => {
                let quote = open_quote(word);
                return if quote.is_some() || name.to_ascii_lowercase().ends_with("cookie") {
                    NextWord::Until(quote)
                } else {
                    NextWord::SecretAnyway
                };
            }
            _ => {}
        }
        let is_named = !bare.contains(['=', '/', ':']) && names_secret(bare);
        if bare.eq_ignore_ascii_case("bearer")
            || (is_option && is_named)
            || bare.ends_with("authtoken")
        {
            return NextWord::Secret;
        }
        if bare == "Basic" { NextWord::Secret } else { NextWord::Anything }
    }
}

/// The quotation mark that a word opens and does not close.
fn open_quote(word: &str) -> Option<char> {
    let quote = word.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (!word[1..].contains(quote)).then_some(quote)
}

/// Whether a word is a scheme of authorization (RFC 9110, section 11.1).
fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// `3000`, `8080:80`, `127.0.0.1:80:80/tcp`, `8000-8010`, `/srv`.
fn is_port_or_path(word: &str) -> bool {
    let ports = word.strip_suffix("/tcp").or_else(|| word.strip_suffix("/udp")).unwrap_or(word);
    let is_one = |part: &str| is_port(part) || part.parse::<std::net::Ipv4Addr>().is_ok();
    word.starts_with('-')
        || word.starts_with(['/', '.'])
        || ports.split([':', '-', ',']).all(is_one)
}

/// A user with what follows its name hidden; addresses and numbers of users and groups stay.
fn log_in(word: &str) -> String {
    let Some(end) = word.find([':', '%', ',']).filter(|_| !word.contains("://")) else {
        return without_secrets(word).text;
    };
    let (user, secret) = (&word[..end], &word[end + 1..]);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_host = user.contains('.') && !user.contains('@') || user == "localhost";
    if is_number(user) && is_number(secret) || is_host && is_port(secret) || is_choice(secret) {
        return word.to_owned();
    }
    format!("{}{HIDDEN}", &word[..=end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(words: &[&str]) -> String {
        let mut line = CommandLine::default();
        words.iter().for_each(|word| line.push(word));
        line.text
    }

    #[test]
    fn secrets_of_options_variables_and_addresses_are_left_out() {
        for (line, shown) in [
            ("x --password hunter2 --db-pass=hunter2 -v", "x --password … --db-pass=… -v"),
            ("x --token --other y API_TOKEN=z", "x --token --other y API_TOKEN=…"),
            ("env AWS_SECRET=a,b=c&d PGPASSWORD=p x", "env AWS_SECRET=… PGPASSWORD=… x"),
            (
                "x postgres://u:pw123@h/db -p hunter2 -u root:pw456",
                "x postgres://u:…@h/db -p … -u root:…",
            ),
            (
                "x amqp://u:p@h1,amqp://u:p@h2 redis://:p@h",
                "x amqp://u:…@h1,amqp://u:…@h2 redis://:…@h",
            ),
            ("x postgres://u:p/w?d@h/db", "x postgres://u:…@h/db"),
            (
                "git clone https://ghp_1234@github.com/x ssh://git@h/x",
                "git clone https://…@github.com/x ssh://git@h/x",
            ),
            (
                "x https://h/?a=1&token=t&b=2 jdbc:x://h/d?user=u&password=p",
                "x https://h/?a=1&token=…&b=2 jdbc:x://h/d?user=u&password=…",
            ),
            ("mount -o user=x,password=p,uid=0", "mount -o user=x,password=…,uid=0"),
            ("x u:p@h u:p@h:5432/db a@b.c", "x u:…@h u:…@h:5432/db a@b.c"),
            ("mysql -uroot -phunter2 db", "mysql -uroot -p… db"),
            ("/usr/bin/mysqldump -u root -phunter2", "/usr/bin/mysqldump -u root -p…"),
            ("sudo sshpass -p 123 ssh -p 22 host", "sudo sshpass -p … ssh -p 22 host"),
            ("sshpass -p123 x", "sshpass -p… x"),
            (
                "curl -uroot:p --user a:b --proxy-user=a:b",
                "curl -uroot:… --user a:… --proxy-user=a:…",
            ),
            ("smbclient -U u%p lftp -u u,p", "smbclient -U u%… lftp -u u,…"),
            ("redis-cli -a 123 -p 6379", "redis-cli -a … -p 6379"),
            ("mosquitto_sub -P 1 -u u -p 1883", "mosquitto_sub -P … -u u -p 1883"),
            ("sqlcmd -Psecret snmpwalk -c public h", "sqlcmd -P… snmpwalk -c … h"),
            ("openssl x -passin pass:abc -k 1", "openssl x -passin … -k …"),
            ("xfreerdp /u:a /p:b", "xfreerdp /u:a /p:…"),
            ("sqlplus scott/tiger@db", "sqlplus scott/…@db"),
            ("ngrok config add-authtoken abc", "ngrok config add-authtoken …"),
            ("x Bearer abc eyJhbGciOi.eyJzdWIiOi.x", "x Bearer … eyJ…"),
            ("redis-server --requirepass foo", "redis-server --requirepass …"),
            ("x --auth u:p", "x --auth …"),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let shown =
                if line.contains("--auth basic") { "x --auth … --auth …" } else { shown };
            assert_eq!(of(&words), shown);
            assert_eq!(CommandLine::typed(line), shown);
        }
    }

    #[test]
    fn secrets_of_headers_documents_and_commands_for_a_shell_are_left_out() {
        for (words, shown) in [
            (&["curl", "-H", "Authorization: Bearer abc"][..], "curl -H Authorization: Bearer …"),
            (
                &["curl", "-H", "authorization: Digest user=\"u\", response=\"r\""],
                "curl -H authorization: …",
            ),
            (&["curl", "-H", "X-Api-Key: abc", "-b", "sid=1"], "curl -H X-Api-Key: … -b …"),
            (&["curl", "-H", "Cookie: a=b; c=d", "http://h"], "curl -H Cookie: … http://h"),
            (
                &["curl", "-d", "{\"user\":\"u\",\"password\":\"p w\",\"n\":1}"],
                "curl -d {\"user\":\"u\",\"password\":\"…",
            ),
            (
                &["curl", "-d", "{\"user\":\"u\",\"password\":\"pw\",\"n\":1}"],
                "curl -d {\"user\":\"u\",\"password\":\"…\",\"n\":1}",
            ),
            (
                &["sh", "-c", "mysql -phunter2 --password='a b' db"],
                "sh -c mysql -p… --password='… db",
            ),
            (
                &["sh", "-c", "curl -H 'Authorization: Bearer abc' http://x"],
                "sh -c curl -H 'Authorization: Bearer … http://x",
            ),
            (&["psql", "host=h password=p dbname=d"], "psql host=h password=… dbname=d"),
            (&["x", "--password", "two words", "y"], "x --password … y"),
        ] {
            assert_eq!(of(words), shown, "{words:?}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for line in [
            "node vite --port 3001 -p 3000",
            "docker run -p 8080:80 -p 127.0.0.1:80:80/tcp -u 1000:1000 img@sha256:abc",
            "/usr/bin/passenger start --passive yes --max-tokens 4096 --tokenizer x",
            "nginx -p /srv -c /etc/nginx.conf",
            "ssh -p 22 u@h -L 8080:localhost:80",
            "x --password-file /run/secret --auth-type basic --author me",
            "x http://auth:8080/ http://localhost:4873/@scope/x auth:8080",
            "docker run -v /srv/secrets:/run/secrets",
            "portlore live --key vlan -i eth0",
            "cargo run -p tool",
        ] {
            assert_eq!(CommandLine::typed(line), line);
        }
    }
    proptest! {
        #[test]
        fn a_secret_in_any_of_its_places_is_left_out(
            secret in "[g-z][A-Za-z0-9_]{5,20}",
            before in proptest::collection::vec("[a-z/.-]{1,8}", 0..4),
            place in 0_usize..12,
        ) {
            let place = [
                "pg://u:#@h/d", "-p #", "-u a:#", "--password #", "--token=#", "API_SECRET=#", "mysql -p#",
                "Bearer #", "Authorization: Basic #", "password: #", "{\"password\":\"#\"}", "/x?a=b&api_key=#",
            ][place];
            // What the option before would take as its value is not this place.
            let line = format!("x {} y {}", before.join(" "), place.replace('#', &secret));
            prop_assert!(!CommandLine::typed(&line).contains(&secret), "{line}");
        }

        #[test]
        fn any_words_are_taken(words in proptest::collection::vec(".{0,20}", 0..8), typed in ".{0,60}") {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = of(&words);
            let _ = CommandLine::typed(&typed);
            let _ = CommandLine::typed(&typed.replace(['a', 'b'], "\"").replace(['c', 'd'], ":"));
        }
    }
}
