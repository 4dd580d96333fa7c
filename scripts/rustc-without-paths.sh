#!/bin/sh
# Run the compiler for cargo (.cargo/config.toml). In release builds it writes /PACKAGE-VERSION where the package has a folder
# of this machine: builds in different folders are then the same bytes, and the program does not say where it was built.
# scripts/check-reproducible.sh checks that. Other builds keep their paths, for debuggers.
# Cargo also asks the compiler for its version, and names no package then.
case " ${CARGO_MANIFEST_DIR:-} $* " in
" /"*" opt-level=3 "*)
    name=/$CARGO_PKG_NAME-$CARGO_PKG_VERSION
    set -- "$@" "--remap-path-prefix=$CARGO_MANIFEST_DIR=$name"
    # What the build script of the package made.
    [ -z "${OUT_DIR:-}" ] || set -- "$@" "--remap-path-prefix=$OUT_DIR=$name/out"
    ;;
esac
exec "$@"
