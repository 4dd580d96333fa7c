//! Programs whose short options hold secrets.

/// A program with short options for secrets.
pub(super) struct ClientProgram {
    names: &'static [&'static str],
    /// Options whose next word is the secret.
    pub(super) separate: &'static [&'static str],
    /// Options that the secret follows in the same word.
    pub(super) attached: &'static [&'static str],
    /// What ends the name of the user in a word that is not an option, and what ends the secret.
    pub(super) log_in: Option<(char, char)>,
}

pub(super) const NO_CLIENT: ClientProgram =
    ClientProgram { names: &[], separate: &[], attached: &[], log_in: None };

const CLIENTS: &[ClientProgram] = &[
    ClientProgram {
        names: &[
            "mysql",
            "mysqladmin",
            "mysqlcheck",
            "mysqldump",
            "mysqlimport",
            "mysqlshow",
            "mysqlslap",
            "mysqlbinlog",
            "mysqlpump",
            "mysqlsh",
            "mariadb",
            "mariadb-admin",
            "mariadb-dump",
            "mycli",
            "mytop",
        ],
        attached: &["-p"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &[
            "sshpass",
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoexport",
            "mongoimport",
            "mongostat",
            "mongotop",
            "rdesktop",
            "cqlsh",
            "rabbitmqadmin",
            "x11vnc",
            "ncftp",
        ],
        separate: &["-p"],
        attached: &["-p"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &["7z", "7za", "7zr", "7zz", "rar", "unrar"],
        attached: &["-p", "-hp"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &[
            "mosquitto_pub",
            "mosquitto_sub",
            "mosquitto_rr",
            "sqlcmd",
            "bcp",
            "isql",
            "osql",
            "tsql",
            "fisql",
            "ipmitool",
            "zip",
            "unzip",
            "zipcloak",
        ],
        separate: &["-P"],
        attached: &["-P"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &["redis-cli", "valkey-cli", "keydb-cli", "redis-benchmark"],
        separate: &["-a"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldapcompare",
            "ldapwhoami",
            "ldappasswd",
            "ldapmodrdn",
        ],
        separate: &["-w", "-a", "-s"],
        attached: &["-w"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &[
            "snmpget",
            "snmpgetnext",
            "snmpset",
            "snmpwalk",
            "snmpbulkget",
            "snmpbulkwalk",
            "snmptable",
            "snmptrap",
            "snmpinform",
            "snmpstatus",
        ],
        separate: &["-c", "-A", "-X"],
        attached: &["-c", "-A", "-X"],
        ..NO_CLIENT
    },
    ClientProgram { names: &["curl"], separate: &["-b"], attached: &["-b"], ..NO_CLIENT },
    ClientProgram { names: &["openssl"], separate: &["-k", "-K"], ..NO_CLIENT },
    ClientProgram {
        names: &["xfreerdp", "xfreerdp3", "wlfreerdp", "sdl-freerdp"],
        attached: &["/p:"],
        ..NO_CLIENT
    },
    ClientProgram {
        names: &["sqlplus", "sqlldr", "rman", "expdp", "impdp"],
        log_in: Some(('/', '@')),
        ..NO_CLIENT
    },
    // With these, `-p` is a port, a folder or a package.
    ClientProgram {
        names: &[
            "cargo",
            "compose",
            "docker-compose",
            "cp",
            "mkdir",
            "node",
            "npm",
            "npx",
            "pnpm",
            "psql",
            "rsync",
            "scp",
            "ssh",
            "tsc",
        ],
        ..NO_CLIENT
    },
];

/// The client that a word calls, with or without its path.
pub(super) fn client(word: &str) -> Option<&'static ClientProgram> {
    if word.starts_with('-') {
        return None;
    }
    let name = word.rsplit(['/', '\\', ';', '|', '&', '(']).next()?;
    let name = name.strip_suffix(".exe").unwrap_or(name);
    CLIENTS.iter().find(|client| client.names.contains(&name))
}
