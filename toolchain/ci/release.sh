#!/bin/sh
# What a release takes, step by step: sh ci/release.sh STEP …   Written by ./inv ci.init --release.
#
# build            compile from a clean export, into $OUT/dist
# compare ONE TWO  the images of two builders are the same, byte for byte
# verify           every rule of the policy, reports in $OUT
# draft [FILE…]    the bundle, with the rebuild statements in FILEs (./inv attest), as $OUT/app.bundle
# collect BUNDLE…  the approvals of all copies in one, as $OUT/app.bundle
[% if plan.signs %]
# sign             with the key that SIGNER names; the PIN or passphrase comes from stdin
[% endif %]
# check            $OUT/app.bundle is good, for two verifiers that share no code
#
# Needs TOOLCHAIN, the folder with ./inv. May be set: SDK, BUILDER (container or host), OUT, RELEASE_POLICY
# (default: ci/release-policy.json).
set -eu

app=$(cd "$(dirname "$0")/.." && pwd)
: "${TOOLCHAIN:?is the folder of the toolchain, the one with ./inv}"
out=${OUT:-"$app/build/ci"}
rules=${RELEASE_POLICY:-"$app/ci/release-policy.json"}
builder=${BUILDER:-container}
bundle="$out/app.bundle"
mkdir -p "$out"

images() { # the files of a results folder that a device gets
    (cd "$1" && find . -name app.hex -o -name app.apdu -o -name app.sha256 | LC_ALL=C sort)
}

compare() {
    [ -n "$(images "$1")" ] || { echo "$1 holds no image" >&2; exit 1; }
    [ "$(images "$1")" = "$(images "$2")" ] || { echo "$1 and $2 hold different apps or targets" >&2; exit 1; }
    images "$1" | while read -r file; do
        cmp "$1/$file" "$2/$file" || exit 1
        echo "the same: $file"
    done
}

step=${1:?is one of build compare verify draft collect[[ " sign" if plan.signs ]] check}
shift
case $step in
build | verify | draft)
    files=$#
    while [ "$files" -gt 0 ]; do
        file=$1
        shift
        set -- "$@" --rebuild "$file"
        files=$((files - 1))
    done
    [ -z "${SDK-}" ] || set -- "$@" --sdk "$SDK"
    ;;
esac
case $step in
build)
    [ "$builder" = host ] || "$TOOLCHAIN/inv" builder.image
    "$TOOLCHAIN/inv" build --app "$app" --builder "$builder" --dist "$out/dist" --clean "$@"
    ;;
compare)
    compare "$1" "$2"
    ;;
verify)
    "$TOOLCHAIN/inv" verify --app "$app" --builder "$builder" --dist "$out/dist" --policy [[ "store" if plan.policy == "store" else "release" ]] \
        --report "$out/verify.sarif" --report "$out/verify.html" --report "$out/verify.json" "$@"
    ;;
draft)
    "$TOOLCHAIN/inv" bundle.draft --app "$app" --builder "$builder" --dist "$out/dist" --policy "$rules" --out "$bundle" "$@"
    ;;
collect)
    first=$1
    shift
    copies=$#
    while [ "$copies" -gt 0 ]; do
        copy=$1
        shift
        set -- "$@" --other "$copy"
        copies=$((copies - 1))
    done
    "$TOOLCHAIN/inv" bundle.merge "$first" --out "$bundle" "$@"
    ;;
[% if plan.signs %]
sign)
    "$TOOLCHAIN/inv" bundle.sign "$bundle" --policy "$rules" --signer "${SIGNER:?is the URI of the app key}"
    ;;
[% endif %]
check)
    "$TOOLCHAIN/inv" bundle.verify "$bundle" --policy "$rules"
    "$TOOLCHAIN/.venv/bin/python" -I "$TOOLCHAIN/verify_bundle.py" "$bundle" "$rules"
    ;;
*)
    echo "no step is called $step" >&2
    exit 2
    ;;
esac
