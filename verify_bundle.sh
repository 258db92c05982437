#!/bin/sh
# Verify a release bundle with openssl and jq: sh verify_bundle.sh BUNDLE POLICY
#
# A second opinion on verify_bundle.py, made of tools that somebody else wrote. POLICY is the release policy; have
# it from somebody you trust. Exits with 0 if nothing is wrong, with 1 and REFUSED otherwise (docs/bundle.md).
set -eu
export LC_ALL=C
[ $# = 2 ] || { echo "usage: verify_bundle.sh BUNDLE POLICY" >&2; exit 2; }
bundle=$1 policy=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/keys" "$work/files"

refuse() { echo "REFUSED: $*" >&2; exit 1; }
sha256() { openssl dgst -sha256 -r "$1" | cut -c1-64; }
# ask FILE PROGRAM [ARGUMENTS…]: a value from JSON; null and false refuse.
ask() { a_file=$1 a_program=$2; shift 2; jq -er "$@" "$definitions $a_program" "$a_file" || refuse "$what"; }
# is FILE PROGRAM [ARGUMENTS…]: whether it holds.
is() { ask "$@" >/dev/null; }
# canonical FILE WHAT PROGRAM [ARGUMENTS…]: one table, in the one form, of which the program holds.
canonical() {
    c_file=$1 what=$2 c_program=$3; shift 3
    [ -s "$c_file" ] || refuse "$what: empty"
    jq -Sn "$@" "$definitions [inputs] | if length == 1 and (.[0] | type == \"object\"
        and ([.. | numbers] | all(. == floor)) and ($c_program)) then .[0] else error end" "$c_file" 2>/dev/null |
        cmp -s - "$c_file" || refuse "$what: not canonical JSON, or not what belongs here"
}
# decode OUTPUT: standard input from base64 in its one form.
decode() {
    cat >"$work/b64"
    base64 -d <"$work/b64" >"$1" 2>/dev/null || refuse "$what: not base64"
    { base64 -w0 <"$1"; echo; } | cmp -s - "$work/b64" || refuse "$what: not base64 in its one form"
}
definitions='
def b64: type == "string" and test("\\A[A-Za-z0-9+/]*=?=?\\z");
def name: type == "string" and test("\\A[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}\\z");
def date: type == "string" and test("\\A[0-9]{4}-[0-9]{2}-[0-9]{2}\\z")
    and (. as $d | (strptime("%Y-%m-%d") | mktime | strftime("%Y-%m-%d")) == $d);
def has_only($names): type == "object" and (keys == ($names | split(" ") | sort));
def whole($low; $high): type == "number" and . == floor and . >= $low and . <= $high;
def parties($names): type == "array" and all(has_only($names)
    and (.name | type == "string" and test("\\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z")))
    and ([.[].name] | length == (unique | length));
def bits: {target_id, target_version, api_level, code_length, data_length, params_length, flags, boot_offset};'

# --- The policy, and a key file for everyone in it --------------------------------------------------------

[ "$(wc -c <"$bundle")" -le 16777216 ] || refuse "bundle: too large"
canonical "$policy" policy 'has_only("schema app_keys approvers apps builders expires issued log rebuilds threshold verification")
    and .schema == "release-policy/1" and (.log | has_only("key origin required witnesses"))
    and (.issued | date) and (.expires | date)
    and (.approvers | parties("expires key name revoked")) and (.builders | parties("key name"))
    and (.app_keys | parties("key name revoked")) and (.log.witnesses | parties("key name"))
    and (.approvers | all(.expires | date)) and (.approvers + .app_keys | all(.revoked == null or (.revoked | date)))
    and (.threshold | whole(2; 1000)) and (.rebuilds | whole(0; 1000)) and (.log.required | whole(0; 1000))
    and .threshold <= (.approvers | length) and .rebuilds <= (.builders | length)
    and .log.required <= (.log.witnesses | length)
    and ([.approvers[].key, .builders[].key, .app_keys[].key, .log.key, .log.witnesses[].key]
        | all(type == "string") and length == (unique | length))'
jq -r '{approvers, builders, app_keys, log: [.log], witnesses: .log.witnesses} | to_entries[]
    | "\(.key) \(.value[].key | @base64)"' "$policy" >"$work/parties"
mkdir "$work/keys/approvers" "$work/keys/builders" "$work/keys/app_keys" "$work/keys/log" "$work/keys/witnesses"
# key_id WHAT: the id of the key in $work/key.pem, if that is a secp256k1 key in plain PEM.
key_id() {
    openssl pkey -pubin -in "$work/key.pem" -outform DER -out "$work/key.der" 2>/dev/null || refuse "$1: no key"
    # SubjectPublicKeyInfo of secp256k1: 23 bytes that never change, then the point.
    [ "$(head -c 23 "$work/key.der" | base64 -w0)" = MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgA= ] || refuse "$1: other curve"
    openssl pkey -pubin -in "$work/key.pem" | cmp -s - "$work/key.pem" || refuse "$1: not plain PEM"
    tail -c 65 "$work/key.der" >"$work/point"
    id=$(sha256 "$work/point" | cut -c1-16)
}
while read -r role key; do
    echo "$key" | base64 -d >"$work/key.pem"
    key_id policy
    cp "$work/key.pem" "$work/keys/$role/$id.pem"
done <"$work/parties"

# low_s SIGNATURE: DER whose S lies in the lower half.
low_s() {
    s=$(openssl asn1parse -inform DER -in "$1" 2>/dev/null | sed -n '3s/.*INTEGER *:\([0-9A-F]*\)$/\1/p')
    while [ ${#s} -lt 64 ]; do s=0$s; done
    printf '%s\n' "$s" 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0 | sort -C && [ ${#s} = 64 ]
}
# envelope FILE TYPE ROLES WHAT: checks a DSSE envelope whose signers all have one of the roles. The payload
# goes to $work/payload, the signers to $ids.
envelope() {
    what="$4: not an envelope"
    ask "$1" 'if has_only("payload payloadType signatures") and .payloadType == $t and (.payload | b64)
        and (.signatures | type == "array" and all(has_only("keyid sig") and (.sig | b64)
            and (.keyid | type == "string" and test("\\A[0-9a-f]{16}\\z"))))
        and ([.signatures[].keyid] | . == unique)
        then .payload, (.signatures[] | "\(.keyid) \(.sig)") else null end' -r --arg t "$2" >"$work/envelope"
    head -n 1 "$work/envelope" | decode "$work/payload"
    { printf 'DSSEv1 %d %s %d ' ${#2} "$2" "$(wc -c <"$work/payload")"; cat "$work/payload"; } >"$work/pae"
    tail -n +2 "$work/envelope" >"$work/signatures"
    ids=$(cut -d' ' -f1 "$work/signatures")
    for id in $ids; do
        key=
        for role in $3; do [ ! -f "$work/keys/$role/$id.pem" ] || key=$work/keys/$role/$id.pem; done
        [ -n "$key" ] || refuse "$4: signed by someone who has no business here"
        sed -n "s/^$id //p" "$work/signatures" | decode "$work/sig"
        low_s "$work/sig" || refuse "$4: S is not in the lower half"
        openssl dgst -sha256 -verify "$key" -signature "$work/sig" "$work/pae" >/dev/null 2>&1 ||
            refuse "$4: a signature is not good"
    done
}

# --- The evidence -----------------------------------------------------------------------------------------

canonical "$bundle" bundle 'has_only("evidence issuers log release schema signatures") and (.issuers | type == "array") and .schema == "release-bundle/1"
    and (.evidence | type == "object" and all(b64)) and (.signatures | type == "object")
    and (.evidence | keys as $there
    | [$there[] | capture("\\Atargets/(?<t>[a-z0-9_]{1,32})/image\\.json\\z").t] as $targets
    | [$there[] | capture("\\Arebuilds/(?<b>[A-Za-z0-9._-]{1,64})\\.json\\z").b] as $builders
    | ($targets | length > 0) and $there == (["policy.json", "sbom.json", "summary.txt"]
        + [$builders[] | "rebuilds/\(.).json"]
        + [$targets[] | "targets/\(.)/" + ("image", "manifest", "report", "provenance") + ".json"] | sort))'
what=evidence
jq -r '.evidence | to_entries[] | "\(.key) \(.value)"' "$bundle" >"$work/evidence"
number=0
for path in $(cut -d' ' -f1 "$work/evidence"); do
    number=$((number + 1))
    mkdir -p "$work/files/$(dirname "$path")"
    sed -n "$number{s/^[^ ]* //p;q;}" "$work/evidence" | decode "$work/files/$path"
    echo "$path $(sha256 "$work/files/$path")"
done >"$work/list"
jq -Rn '[inputs | split(" ") | {(.[0]): .[1]}] | add' "$work/list" >"$work/hashes"
cd "$work/files"
case $policy in /*) ;; *) policy=$OLDPWD/$policy ;; esac
case $bundle in /*) ;; *) bundle=$OLDPWD/$bundle ;; esac
cmp -s policy.json "$policy" || refuse "made under another policy"
canonical sbom.json sbom true

be32() { printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"; }
echo '{}' >"$work/images"
for target in $(ls targets); do
    image=targets/$target/image.json
    canonical "$image" "image for $target" 'has_only("schema name version target_id target_version api_level segments code_length data_length params_length flags boot_offset")
        and .schema == "app-image/1" and (.name | name) and (.version | name)
        and (.target_version | type == "string" and test("\\A[ -~]*\\z"))
        and ([.target_id, .flags] | all(whole(0; 4294967295)))
        and ([.code_length, .data_length, .params_length, .boot_offset] | all(whole(0; 4194304)))
        and (.boot_offset / 2 | floor) * 2 < .code_length
        and (.api_level == null or (.api_level | whole(0; 255)))
        and (.segments | type == "array" and length > 0 and all(has_only("address data") and (.data | b64) and (.address | whole(0; 4294967295))))'
    : >"$work/blocks"
    jq -r '.segments[] | "\(.address) \(.data)"' "$image" >"$work/segments"
    end=0 number=0
    for address in $(cut -d' ' -f1 "$work/segments"); do
        [ $number != 0 ] || first=$address
        sed -n "$((number + 1)){s/^[^ ]* //p;q;}" "$work/segments" | decode "$work/block"
        [ -s "$work/block" ] && [ "$address" -ge "$end" ] || refuse "image for $target: segments"
        end=$((address + $(wc -c <"$work/block"))) number=$((number + 1))
        cat "$work/block" >>"$work/blocks"
    done
    set -- $(jq '.target_id, .api_level, .code_length, .data_length, .params_length, .flags, .boot_offset' "$image")
    [ $(($3 + $4 + $5)) = $((end - first)) ] || refuse "image for $target: lengths do not add up"
    {
        if [ $(($1 & 15)) -gt 3 ]; then
            be32 "$1"
            jq -j .target_version "$image"
        fi
        [ "$2" = null ] || printf "$(printf '\\%03o' "$2")"
        be32 "$3"; be32 "$4"; be32 "$5"; be32 "$6"
        be32 $(($7 | 1))
        cat "$work/blocks"
    } | openssl dgst -sha256 -binary >"$work/$target.apphash"
    hash=$(od -An -v -tx1 "$work/$target.apphash" | tr -d ' \n')
    jq --arg t "$target" --arg h "$hash" --arg f "$(sha256 "$image")" --slurpfile i "$image" \
        '.[$t] = {hash: $h, file: $f, image: $i[0]}' "$work/images" >"$work/new" && mv "$work/new" "$work/images"
done
what="several apps or versions"
is "$work/images" '[.[].image | [.name, .version]] | unique | length == 1'
definitions="$definitions"'
def subjects: [to_entries[] | {name: "targets/\(.key)/image.json", digest: {appHash: .value.hash, sha256: .value.file}}];'
for target in $(ls targets); do
    canonical "targets/$target/manifest.json" "manifest for $target" '$images[0][$t] as $i | has_only("app files image provenance schema signature target unsafe verification version")
        and (.verification | has_only("findings policy waived")) and .schema == 1 and .signature == null
        and (.provenance | has_only("builder command commit compiler dirty environment platform sdk source_date_epoch"))
        and .image == ($i.image | bits) + {digest: $i.hash}
        and .app == $i.image.name and .version == $i.image.version and .target == $t and .unsafe == []
        and .files["report.json"] == $hashes[0]["targets/\($t)/report.json"]
        and .verification.policy == $policy[0].verification and .provenance.dirty == false
        and (.provenance.commit | type == "string" and test("\\A[0-9a-f]{40,64}\\z"))' \
        --arg t "$target" --slurpfile images "$work/images" --slurpfile policy "$policy" --slurpfile hashes "$work/hashes"
    canonical "targets/$target/provenance.json" "provenance for $target" '.subject == ({($t): $images[0][$t]} | subjects)' \
        --arg t "$target" --slurpfile images "$work/images"
done

# --- Rebuilds, approvals, log, signatures -----------------------------------------------------------------

jq -n '[inputs | {(.target): .provenance.commit}] | add' targets/*/manifest.json >"$work/commits"
rebuilds=0
for file in rebuilds/*.json; do
    [ -e "$file" ] || continue
    builder=$(basename "$file" .json) rebuilds=$((rebuilds + 1))
    canonical "$file" "rebuild by $builder" true
    envelope "$file" application/vnd.in-toto+json builders "rebuild by $builder"
    what="rebuild by $builder"
    ask "$policy" '.builders[] | select(.name == $b) | .key' -j --arg b "$builder" >"$work/key.pem"
    cmp -s "$work/key.pem" "$work/keys/builders/$ids.pem" || refuse "$what: not signed by this builder"
    canonical "$work/payload" "$what" '$images[0] as $i | has_only("_type predicate predicateType subject")
        and ._type == "https://in-toto.io/Statement/v1" and .predicateType == "urn:nano-toolchain:rebuild:v1"
        and .subject == ($i | subjects) and (.predicate | has_only("builder builds names") and .builder == $b
        and .names == ($i | map_values({app: .image.name, version: .image.version}))
        and (.builds | map_values(.commit)) == $commits[0] and (.builds | all(.dirty == false)))' \
        --arg b "$builder" --slurpfile images "$work/images" --slurpfile commits "$work/commits"
done
what="too few rebuilds"
is "$policy" '.rebuilds <= $n' --argjson n "$rebuilds"

ask "$bundle" .release >"$work/release"
envelope "$work/release" application/vnd.in-toto+json approvers approvals
approvers=$ids
canonical "$work/payload" "release statement" true
cp "$work/payload" "$work/statement"
date=$(ask "$work/statement" '.predicate.date | select(date)')
jq -S --arg d "$date" --slurpfile h "$work/hashes" "$definitions"' . as $i | [.[].image][0] as $one | {
    _type: "https://in-toto.io/Statement/v1", subject: subjects, predicateType: "urn:nano-toolchain:release:v1",
    predicate: {app: $one.name, version: $one.version, date: $d, files: $h[0], parameters: map_values(.image | bits)}
}' "$work/images" | cmp -s - "$work/statement" || refuse "release statement: not about this evidence"
app=$(jq -r '[.[].image.name][0]' "$work/images")
what="not about this app"
is "$policy" '.apps | index($a) != null' --arg a "$app"

what="not in the log"
is "$bundle" '.log | has_only("hashes head index size") and (.hashes | type == "array" and all(b64))'
ask "$bundle" .log.head >"$work/head"
envelope "$work/head" application/vnd.nano-toolchain.log-head+json "log witnesses" "log head"
witnesses=0 by_log=
for id in $ids; do
    if [ -f "$work/keys/log/$id.pem" ]; then by_log=yes; else witnesses=$((witnesses + 1)); fi
done
[ -n "$by_log" ] || refuse "log head: not signed by the log"
canonical "$work/payload" "log head" 'has_only("date origin root size") and .origin == $p[0].log.origin and (.date | date) and .date >= $d
    and (.size | whole(1; 1099511627776)) and .size == $b[0].log.size and ($b[0].log.index | whole(0; 1099511627776))
    and $b[0].log.index < .size and $w >= $p[0].log.required and .date <= $today' \
    --arg d "$date" --argjson w "$witnesses" --arg today "$(date -u +%Y-%m-%d)" --slurpfile p "$policy" --slurpfile b "$bundle"
seen=$(jq -r .date "$work/payload")
{
    printf '\000'
    jq -cSj --arg s "$(sha256 "$work/statement")" '.predicate | {app, version, statement: $s}' "$work/statement"
} | openssl dgst -sha256 -binary >"$work/node"
index=$(jq .log.index "$bundle") last=$(($(jq .log.size "$bundle") - 1))
for sibling in $(jq -r '.log.hashes[]' "$bundle"); do
    echo "$sibling" | decode "$work/sibling"
    [ "$last" -gt 0 ] && [ "$(wc -c <"$work/sibling")" = 32 ] || refuse "log: the proof is too long or malformed"
    if [ $((index & 1)) = 1 ] || [ "$index" = "$last" ]; then
        { printf '\001'; cat "$work/sibling" "$work/node"; } | openssl dgst -sha256 -binary >"$work/new"
        while [ $((index & 1)) = 0 ] && [ "$index" -gt 0 ]; do index=$((index >> 1)) last=$((last >> 1)); done
    else
        { printf '\001'; cat "$work/node" "$work/sibling"; } | openssl dgst -sha256 -binary >"$work/new"
    fi
    mv "$work/new" "$work/node"
    index=$((index >> 1)) last=$((last >> 1))
done
[ "$last" = 0 ] || refuse "log: the proof is too short"
[ "$(od -An -v -tx1 "$work/node" | tr -d ' \n')" = "$(jq -r .root "$work/payload")" ] ||
    refuse "log: does not list this release"

what="not in force when the release was logged"
is "$policy" '.issued <= $d and $d <= .expires' --arg d "$seen"
good=0
for id in $approvers; do
    what="an approver's key was revoked or had expired"
    is "$policy" '.approvers[] | select(.key == $k) | .revoked == null and $d <= .expires' \
        --arg d "$seen" --arg k "$(cat "$work/keys/approvers/$id.pem")
"
    good=$((good + 1))
done
what="too few approvals"
is "$policy" '.threshold <= $n' --argjson n "$good"

# Who may sign apps: the policy's keys, and those that one of them handed over to in turn.
mkdir "$work/keys/signing" "$work/keys/holders" "$work/keys/link"
ask "$policy" '.app_keys[] | select(.revoked == null) | .key | @base64' -r >"$work/current"
while read -r key; do
    echo "$key" | base64 -d >"$work/key.pem"
    key_id policy
    cp "$work/key.pem" "$work/keys/signing/$id.pem"
done <"$work/current"
cp "$work"/keys/signing/* "$work/keys/holders"
jq -c '.issuers[]' "$bundle" >"$work/links"
[ "$(wc -l <"$work/links")" -le 64 ] || refuse "issuers: too many"
newest=0000-00-00 number=0
while [ $((number += 1)) -le "$(wc -l <"$work/links")" ]; do
    what="issuers: not a rotation"
    sed -n "${number}p" "$work/links" >"$work/link"
    rm -f "$work"/keys/link/*
    ask "$work/link" '.payload | select(b64)' -r | decode "$work/payload"
    canonical "$work/payload" issuers 'has_only("date new old reason role") and .role == "app-signing" and (.date | date)
        and .date >= $d and (.reason | type == "string" and test("\\A[ -~]{0,200}\\z")) and ([.old, .new] | all(type == "string"))' \
        --arg d "$newest"
    cp "$work/payload" "$work/rotation"
    for end in old new; do
        jq -j ".$end" "$work/rotation" >"$work/key.pem"
        key_id issuers
        cp "$work/key.pem" "$work/keys/link/$id.pem"
        [ $end = new ] || [ -f "$work/keys/holders/$id.pem" ] || refuse "issuers: not handed over by a key that signs apps"
    done
    for role in approvers builders app_keys log witnesses signing; do
        [ ! -f "$work/keys/$role/$id.pem" ] || refuse "issuers: the new key has a role already"
    done
    new=$id
    envelope "$work/link" application/vnd.nano-toolchain.issuer-rotation+json link issuers
    [ "$(echo "$ids" | wc -l)" = 2 ] || refuse "issuers: not signed by both keys"
    rm "$work"/keys/holders/*
    cp "$work/keys/link/$new.pem" "$work/keys/holders"
    cp "$work/keys/link/$new.pem" "$work/keys/signing"
    newest=$(jq -r .date "$work/rotation")
done

what="not a signature for every target"
is "$bundle" '(.signatures | keys) == ($i[0] | keys) and (.signatures | all(has_only("key_id sig") and (.sig | b64)
    and (.key_id | type == "string" and test("\\A[0-9a-f]{16}\\z"))))' --slurpfile i "$work/images"
for target in $(ls targets); do
    key=$work/keys/signing/$(jq -r --arg t "$target" '.signatures[$t].key_id' "$bundle").pem
    [ -f "$key" ] || refuse "signature for $target: by a key that does not sign apps"
    jq -r --arg t "$target" '.signatures[$t].sig' "$bundle" | decode "$work/sig"
    low_s "$work/sig" || refuse "signature for $target: S is not in the lower half"
    openssl pkeyutl -verify -pubin -inkey "$key" -sigfile "$work/sig" -in "$work/$target.apphash" >/dev/null 2>&1 ||
        refuse "signature for $target: not good"
done
echo "$app $(jq -r '[.[].image.version][0]' "$work/images"): good"
