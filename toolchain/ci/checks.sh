#!/bin/sh
# What a change must pass, step by step: sh ci/checks.sh STEP…   Written by ./inv ci.init.
#
# Steps: image build verify[[ " units" if plan.units ]][[ " fuzz" if plan.fuzzers ]][[ " functional" if plan.functional ]] compile size
# Needs TOOLCHAIN, the folder with ./inv. May be set: SDK (an official SDK), BUILDER (container or host),
# POLICY, OUT (folder for results), CACHE (folder that is kept between runs), BASE (revision to compare sizes with).
set -eu

app=$(cd "$(dirname "$0")/.." && pwd)
: "${TOOLCHAIN:?is the folder of the toolchain, the one with ./inv}"
out=${OUT:-"$app/build/ci"}
policy=${POLICY:-[[ plan.policy ]]}
builder=${BUILDER:-container}
mkdir -p "$out"

image() { # the container that builds
    [ "$builder" = host ] || "$TOOLCHAIN/inv" builder.image
}

build() { # for every device that the app declares
    if [ -n "${CACHE-}" ]; then
        set -- "$@" --cache "$CACHE"
    fi
    "$TOOLCHAIN/inv" build --app "$app" --builder "$builder" --dist "$out/dist" "$@"
}

verify() { # every rule of the policy; what verify-baseline.json lists does not count
    if [ -f "$app/verify-baseline.json" ]; then
        set -- "$@" --baseline "$app/verify-baseline.json"
    fi
    "$TOOLCHAIN/inv" verify --app "$app" --builder "$builder" --dist "$out/dist" --policy "$policy" \
        --report "$out/verify.sarif" --report "$out/verify.html" --report "$out/verify.xml" "$@"
}

compile() { # each C file once more, outside of the build's walls, for who watches compilers (CodeQL)
    build "$@"
    mkdir -p "$out/compiled"
    cat "$out"/dist/*/*/compile_commands.json |
        jq -rs --arg out "$out/compiled" 'add | to_entries[] | .key as $number | .value |
            "cd \(.directory | @sh) && ${CC:-clang} \(.arguments[1:] | @sh) -MF /dev/null -o \($out | @sh)/\($number).o"' \
            >"$out/compile.sh"
    sh -eu "$out/compile.sh"
}
[% if plan.units %]

units() { # on this machine, with the coverage of every line
    cmake -S "$app/[[ plan.units ]]" -B "$out/units" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage
    cmake --build "$out/units"
    ctest --test-dir "$out/units" --output-on-failure --no-tests=error
    gcovr --root "$app" --gcov-executable "${GCOV:-gcov}" --xml "$out/coverage.xml" --txt "$out/coverage.txt" "$out/units"
    cat "$out/coverage.txt"
}
[% endif %]
[% if plan.fuzzers %]

fuzz() { # each fuzzer for a minute, with the corpus that lies beside it
    CC=${FUZZ_CC:-clang} cmake -S "$app/[[ plan.fuzzers ]]" -B "$out/fuzz" -DCMAKE_BUILD_TYPE=Debug
    cmake --build "$out/fuzz"
    ran=no
    for fuzzer in "$out"/fuzz/fuzz*; do
        [ -f "$fuzzer" ] && [ -x "$fuzzer" ] || continue
        found="$out/corpus/$(basename "$fuzzer")"
        mkdir -p "$found"
        set -- "$found"
        [ ! -d "$app/[[ plan.fuzzers ]]/corpus" ] || set -- "$@" "$app/[[ plan.fuzzers ]]/corpus"
        "$fuzzer" "-max_total_time=${FUZZ_SECONDS:-60}" "-artifact_prefix=$out/crash-" "$@"
        ran=yes
    done
    [ "$ran" = yes ] || { echo "no fuzzer was built in $out/fuzz" >&2; exit 1; }
}
[% endif %]
[% if plan.functional %]

functional() { # in the emulator; FUNCTIONAL_PYTHON is an interpreter that has Ragger
    python=${FUNCTIONAL_PYTHON:-"$out/functional/bin/python"}
    if [ -z "${FUNCTIONAL_PYTHON-}" ]; then
        python3 -m venv "$out/functional"
        "$python" -m pip install --quiet --require-hashes -r "$TOOLCHAIN/requirements/speculos.lock"
    fi
    build "$@"
    [% for target in plan.targets if target.name != "nanos" %]
    mkdir -p "$app/build/[[ target.sdk_name ]]/bin"
    cp "$out"/dist/*/[[ target.name ]]/app.elf "$app/build/[[ target.sdk_name ]]/bin/app.elf"
    "$python" -m pytest "$app/[[ plan.functional ]]" --device [[ target.name ]]
    [% endfor %]
}
[% endif %]

size() { # beside that of another revision
    name=$(basename "$app")
    git -C "$app" worktree add --force --detach "$out/base/$name" "${BASE:?is the revision to compare with}"
    git -C "$out/base/$name" submodule update --init --recursive
    "$TOOLCHAIN/inv" build --app "$out/base/$name" --builder "$builder" --dist "$out/base-dist" "$@"
    build "$@"
    "$TOOLCHAIN/inv" size --app "$app" --dist "$out/dist" --against "$out/base-dist" "$@"
    git -C "$app" worktree remove --force "$out/base/$name"
}

for step; do
    case $step in
    image | build | verify | compile | size[[ " | units" if plan.units ]][[ " | fuzz" if plan.fuzzers ]][[ " | functional" if plan.functional ]]) ;;
    *)
        echo "no step is called $step" >&2
        exit 2
        ;;
    esac
done
[ $# -gt 0 ] || { echo "usage: $0 STEP…" >&2; exit 2; }
for step; do
    echo "== $step" >&2
    if [ -n "${SDK-}" ]; then
        "$step" --sdk "$SDK"
    else
        "$step"
    fi
done
