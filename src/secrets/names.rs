//! Names that are followed by secrets.

/// Parts of the names of options, variables, parameters and fields that hold secrets, in lower case
/// without `-` and `_`.
const PARTS: [&str; 26] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "accountkey",
    "adminkey",
    "authkey",
    "encryptionkey",
    "licensekey",
    "masterkey",
    "privatekey",
    "serverkey",
    "sessionkey",
    "sharedkey",
    "signingkey",
    "storagekey",
    "authorization",
    "bearer",
    "cookie",
    "jwt",
    "mnemonic",
    "psk",
    "signature",
];

/// Words of names that hold secrets.
const WORDS: [&str; 9] =
    ["auth", "basicauth", "masterauth", "otp", "passin", "pin", "pw", "sig", "userpwd"];

/// Parts of names that contain one of those above and hold no secret.
const HARMLESS: [&str; 8] =
    ["bypass", "compass", "passenger", "passive", "passthrough", "tokeniz", "maxtoken", "numtoken"];

/// Ends of names that say where a secret is, or what it is like.
const ABOUT: [&str; 6] = ["file", "path", "dir", "type", "ttl", "length"];

/// Values that say whether there is a secret, or of which kind.
const CHOICES: [&str; 10] =
    ["none", "no", "yes", "true", "false", "on", "off", "basic", "md5", "scram-sha-256"];

/// Whether what follows this name is a secret.
pub(super) fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let joined: String = lower.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let contains = |parts: &[&str]| parts.iter().any(|part| joined.contains(part));
    if contains(&HARMLESS) || ABOUT.iter().any(|end| joined.ends_with(end)) {
        return false;
    }
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    contains(&PARTS) || words.any(|word| WORDS.contains(&word))
}

/// Whether a value says no more than whether or how a secret is used.
pub(super) fn is_choice(value: &str) -> bool {
    value.is_empty() || CHOICES.iter().any(|choice| value.eq_ignore_ascii_case(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_their_parts() {
        for name in [
            "--password",
            "--db-pass",
            "PGPASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "apiKey",
            "--api_key",
            "auth",
            "--requirepass",
            "--masterauth",
            "X-Api-Key",
            "Authorization",
            "SharedAccessKey",
            "--pin",
            "-passin",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "--port",
            "--key",
            "--author",
            "--passive",
            "--max-tokens",
            "--tokenizer",
            "--bypass-cache",
            "--pinned",
            "--password-file",
            "POSTGRES_PASSWORD_FILE",
            "--auth-type",
            "key",
            "--ssl-key",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }
}
