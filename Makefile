# Two commands for newcomers: make demo, make test. Both install what they need first (scripts/setup.sh).

.PHONY: demo test check test-formats test-page test-servers test-cluster setup build install uninstall deb test-deb cross test-cross release bless bench

# Where `make install` puts things; DESTDIR comes before it, for packages.
PREFIX ?= /usr/local
RELEASE ?= $(or $(CARGO_TARGET_DIR),target)/release/portlore
# Empty for a program that is stripped already, such as one for another processor.
STRIP ?= -s
BIN = $(DESTDIR)$(PREFIX)/bin
MAN = $(DESTDIR)$(PREFIX)/share/man/man1
BASH = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

BINARY ?= $(or $(CARGO_TARGET_DIR),target)/debug/portlore

demo: setup build
	@printf '\n$$ portlore replay --why fixtures/showcase.pcap\n\n'
	@target/release/portlore replay --why fixtures/showcase.pcap
	@printf '\n$$ portlore port 3037\n\n'
	@target/release/portlore port 3037

setup:
	@scripts/setup.sh

build:
	cargo build --release --locked

# Only without a program to install: root may have no Rust.
$(RELEASE):
	cargo build --release --locked

install: $(RELEASE)
	install -d $(BIN) $(MAN) $(BASH) $(ZSH) $(FISH)
	install -m 755 $(STRIP) $(RELEASE) $(BIN)/portlore
	install -m 644 man/*.1 $(MAN)
	install -m 644 completions/portlore.bash $(BASH)/portlore
	install -m 644 completions/_portlore $(ZSH)/_portlore
	install -m 644 completions/portlore.fish $(FISH)/portlore.fish

uninstall:
	rm -f $(BIN)/portlore $(addprefix $(MAN)/,$(notdir $(wildcard man/*.1)))
	rm -f $(BASH)/portlore $(ZSH)/_portlore $(FISH)/portlore.fish

test:
	@scripts/setup.sh test
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	scripts/check-library.sh
	scripts/check-dependencies.sh
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
	scripts/check-platforms.sh x86_64-pc-windows-gnu aarch64-apple-darwin
	cargo bench --locked --no-run --profile dev
	cargo test --locked
	@$(MAKE) --no-print-directory check

# What is true of the captures here, and what no verdict may say of any.
check:
	cargo build --locked
	scripts/check-cases.py $(BINARY)
	scripts/check-verdicts.py $(BINARY) fixtures

# Flows in every format, as pyarrow, DuckDB, jq and Python read them. Installs the first two from PyPI.
FORMATS = $(or $(CARGO_TARGET_DIR),target)/test-formats
test-formats:
	cargo build --locked
	test -x $(FORMATS)/bin/python || python3 -m venv $(FORMATS)
	$(FORMATS)/bin/pip install --quiet --disable-pip-version-check pyarrow duckdb
	$(FORMATS)/bin/python scripts/check-formats.py $(BINARY) $(FORMATS)/captures

# The page of --html in a browser: installs Debian's chromium and, in a folder here, playwright-core from npm.
PAGE = $(or $(CARGO_TARGET_DIR),target)/test-page
test-page:
	cargo build --locked
	scripts/check-page.sh $(BINARY) $(PAGE)

# Debian's nginx, Apache and Caddy, and a bare Node server, live: needs root and these programs.
test-servers:
	cargo build --locked
	scripts/check-servers.py $(BINARY)

# The job of cluster/ on a Spark cluster on loopback. Installs Debian's Java 17, if there is no Java, and pyspark (490 MB) and DuckDB from
# PyPI. Builds portlore, unless BINARY is given.
CLUSTER = $(or $(CARGO_TARGET_DIR),target)/test-cluster
test-cluster:
	$(if $(filter file,$(origin BINARY)),cargo build --locked)
	command -v java >/dev/null || $$([ "$$(id -u)" = 0 ] || echo sudo) apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless
	test -x $(CLUSTER)/bin/python || python3 -m venv $(CLUSTER)
	$(CLUSTER)/bin/pip install --quiet --disable-pip-version-check 'pyspark>=4,<5' duckdb
	$(CLUSTER)/bin/python scripts/check-cluster.py $(BINARY) $(CLUSTER)/work

# A Debian package for this machine.
deb:
	packaging/deb.sh

# The package installed, used and removed in a root of its own: needs root and debootstrap.
test-deb:
	packaging/test-deb.sh

# The program for other systems: Linux without any library, Windows, macOS. Installs Zig from PyPI in target/cross.
CROSS = x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-pc-windows-gnu x86_64-apple-darwin aarch64-apple-darwin
cross:
	@for target in $(CROSS); do packaging/cross.sh $$target || exit; done

# What of these can be run here: Debian's qemu-user and wine64 run what this machine does not.
test-cross:
	cargo build --locked
	packaging/test-cross.sh $(BINARY)

# Everything of a release, in one folder; nothing is uploaded.
release:
	packaging/release.sh

# Accept what the program says now as the golden texts; read the difference before committing it.
bless:
	PORTLORE_BLESS=1 cargo test --locked

# The stages one by one, then whole runs beside the peers that are installed.
bench:
	cargo bench --locked
	benches/whole.py
