//! The replies of three digits of FTP and SMTP servers (RFC 959, section 4.2; RFC 5321, section 4.2).

use crate::detect::formats::lines;
use crate::detect::statement::Statement;
use crate::evidence::FailureScope;

/// Counts the replies of a server of `protocol`, and states the first error as the fact `error`.
/// `succeeds` tells which codes say that a login or a transfer is done. That a server lacks a command
/// is not an error: clients try what they would like to use.
pub(in crate::detect) fn count_replies(
    statement: &mut Statement<'_>,
    protocol: &str,
    error: &'static str,
    succeeds: impl Fn(u16) -> bool,
) {
    for line in lines::whole_lines(statement.stream.head()) {
        match lines::reply(line.text) {
            Some((code, true, _)) if succeeds(code) => statement.answers.succeeded(),
            Some((500..=504, ..)) => {}
            Some((code @ 421..=559, true, _)) => {
                if statement.answers.is_flawless() {
                    statement.fact(error, line.text, line.at);
                }
                // In place of a greeting, or as the server closes the connection.
                let is_of_service = line.at == 0 || code == 421;
                let scope =
                    if is_of_service { FailureScope::Service } else { FailureScope::Request };
                statement.failed_in_scope(&format!("{protocol} {code}"), scope, line.at);
            }
            _ => {}
        }
    }
}
