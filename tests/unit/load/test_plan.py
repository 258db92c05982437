import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.vectors import group
from tests.unit.load.samples import BASE, sample_image
from toolchain.device.apdu import Command
from toolchain.device.channel import CbcMacChannel
from toolchain.device.status import Step
from toolchain.errors import ImageError
from toolchain.image import Image
from toolchain.load.plan import Delete, LoadPlan, Packing, areas, crc16, plan_load

SECRET = hashlib.sha256(b"plan").digest()


def chunk_sizes(plan: LoadPlan) -> list[int]:
    return [c.payload for c in plan.commands if c.step == Step.LOAD]


def steps(plan: LoadPlan) -> list[Step]:
    return [c.step for c in plan.commands if c.step != Step.LOAD]


def largest_command(packing: Packing) -> int:
    """Wrapped bytes of the largest chunk command that the packing allows, whatever is left at the end."""
    return max(
        len(CbcMacChannel.from_secret(SECRET).wrap(bytes(3 + n))) for n in (packing.full, packing.last)
    )


def received(plan: LoadPlan) -> dict[int, bytes]:
    """What a device ends up with: areas by offset."""
    flash: dict[int, bytearray] = {}
    for c in plan.commands:
        if c.step == Step.SELECT:
            area = flash.setdefault(int.from_bytes(c.plaintext[1:], "big"), bytearray())
        elif c.step == Step.LOAD:
            assert int.from_bytes(c.plaintext[1:3], "big") == len(area)
            area += c.plaintext[3:]
    return {offset: bytes(area) for offset, area in flash.items()}


@pytest.mark.parametrize(
    "vector", group("chunks"), ids=lambda v: f"{v['transport_max_data']}-{v['image_length']}"
)
def test_chunks_as_ledgerblue_cuts_them(vector: dict[str, Any]) -> None:
    packing = Packing.script(vector["transport_max_data"])
    sizes = chunk_sizes(
        plan_load(sample_image(vector["image_length"]), signature=None, delete=None, packing=packing)
    )
    assert (len(sizes), sizes[-1]) == (vector["count"], vector["last"])
    assert vector["sizes"] in (None, sizes)
    assert sizes[0] == vector["full_chunk"]


# One entry stands for an image that is not part of the vectors.
@pytest.mark.parametrize("vector", [v for v in group("crc16") if v["data"] != "boilerplate image"])
def test_crc16(vector: dict[str, Any]) -> None:
    assert f"{crc16(bytes.fromhex(vector['data'])):04x}" == vector["crc"]


@pytest.mark.parametrize("vector", [v for v in group("create_app") if "form" not in v["args"]])
def test_create_app(vector: dict[str, Any]) -> None:
    args = {"data_length": 0, "install_params_length": 0, "flags": 0} | vector["args"]
    image = sample_image(
        args["code_length"] + args["data_length"] + args["install_params_length"],
        api_level=None if args["api_level"] == -1 else args["api_level"],
        data=args["data_length"],
        params=args["install_params_length"],
        flags=args["flags"],
    )
    plan = plan_load(image, signature=None, delete=None)
    assert plan.script_apdus()[0].hex() == vector["apdu_clear"]


def test_commit_with_signature() -> None:
    (vector,) = (v for v in group("signature") if "commit_apdu_clear" in v)
    signature = bytes.fromhex(vector["signature_der"])
    plan = plan_load(sample_image(), signature=signature, delete=None)
    assert plan.script_apdus()[-1].hex() == vector["commit_apdu_clear"]


def test_script_order() -> None:
    plan = plan_load(sample_image(name="Boilerplate"), signature=None, delete=Delete.FIRST)
    assert steps(plan) == [Step.DELETE, Step.CREATE, Step.SELECT, Step.FLUSH, Step.CRC, Step.COMMIT]
    apdus = plan.script_apdus()
    assert apdus[0].hex() == "e00000000d0c0b426f696c6572706c617465"
    assert apdus[-1].hex() == "e00000000109"
    assert all(Command.decode(apdu).cla == 0xE0 for apdu in apdus)


def test_crc_command_covers_the_area() -> None:
    image = sample_image(1000)
    (crc,) = (c for c in plan_load(image, signature=None, delete=None).commands if c.step == Step.CRC)
    assert crc.plaintext.hex() == f"080000{1000:08x}{crc16(image.data):04x}"


def test_fewest_commands_leave_out_what_the_channel_proves() -> None:
    image = sample_image()
    fewest = plan_load(image, signature=None, delete=None, packing=Packing.fewest(255))
    assert steps(fewest) == [Step.CREATE, Step.SELECT, Step.COMMIT]
    bare = Packing.fewest(255, authenticated=False)
    assert Step.CRC in steps(plan_load(image, signature=None, delete=None, packing=bare))


@pytest.mark.parametrize(
    ("max_data", "full", "last"), [(255, 224, 236), (254, 224, 236), (229, 192, 204), (153, 112, 124)]
)
def test_fewest_fits_the_link_exactly(max_data: int, full: int, last: int) -> None:
    packing = Packing.fewest(max_data)
    assert (packing.full, packing.last) == (full, last)
    assert largest_command(packing) <= max_data
    one_block_more = Packing(packing.full + 16, packing.last + 16, checked=False)
    assert largest_command(one_block_more) > max_data


def test_fewer_commands_than_both_official_loaders() -> None:
    image = sample_image(27203)
    ours = plan_load(image, signature=None, delete=Delete.FIRST, packing=Packing.fewest(255)).commands
    script = plan_load(image, signature=None, delete=Delete.FIRST).commands
    ledgerctl = 3 + 1 + -(-27203 // 128)  # delete, create, commit; select; chunks of 128 bytes
    assert (len(ours), len(script), ledgerctl) == (126, 137, 217)


images = st.builds(
    sample_image,
    st.integers(1, 3000),
    base=st.integers(0xC0DE0000, 0xC0DEFFFF),
) | st.integers(40, 140_000).map(
    lambda length: sample_image(length, holes=((10, 1), (20, 5), (length - 5, 2)))
)  # fmt: skip
packings = st.builds(Packing.script, st.integers(64, 255)) | st.builds(
    Packing.fewest, st.integers(64, 255), authenticated=st.booleans()
)


@given(image=images, packing=packings)
def test_every_plan_delivers_the_image(image: Image, packing: Packing) -> None:
    plan = plan_load(image, signature=b"\x30\x00", delete=None, packing=packing)
    flash = received(plan)
    expected = bytearray(image.span)
    delivered = bytearray(image.span)
    for segment in image.segments:
        expected[segment.address - image.base : segment.end - image.base] = segment.data
    for offset, data in flash.items():
        delivered[offset : offset + len(data)] = data
    assert delivered == expected
    assert sum(map(len, flash.values())) == len(image.data)
    assert sum(c.payload for c in plan.commands) == len(image.data)
    assert max(len(c.plaintext) for c in plan.commands) + 18 <= 255
    prefix = image.target_id.to_bytes(4, "big") + plan.commands[0].plaintext[1:]
    chunks = b"".join(c.plaintext[3:] for c in plan.commands if c.step == Step.LOAD)
    assert hashlib.sha256(prefix + chunks).digest() == image.digest()


@given(image=images, packing=packings)
def test_all_chunks_but_the_last_of_an_area_are_whole_blocks(image: Image, packing: Packing) -> None:
    last = 0
    for c in plan_load(image, signature=None, delete=None, packing=packing).commands:
        if c.step == Step.LOAD:
            assert last % 16 == 0
            last = c.payload
        elif c.step == Step.SELECT:
            last = 0


@pytest.mark.parametrize(
    ("base", "length", "expected"),
    [
        (BASE, 0x10000, [(BASE, 0x10000)]),
        (BASE, 0x10001, [(BASE, 0x10000), (BASE + 0x10000, 1)]),
        (BASE + 0xFFF0, 0x20, [(BASE + 0xFFF0, 0x10), (BASE + 0x10000, 0x10)]),
        (BASE, 0x25000, [(BASE, 0x10000), (BASE + 0x10000, 0x10000), (BASE + 0x20000, 0x5000)]),
    ],
)
def test_areas(base: int, length: int, expected: list[tuple[int, int]]) -> None:
    assert [(a.address, len(a.data)) for a in areas(sample_image(length, base=base))] == expected


def test_touching_segments_are_one_area() -> None:
    image = sample_image(100, holes=((50, 0),))
    assert len(image.segments) == 2
    assert [(a.address, len(a.data)) for a in areas(image)] == [(BASE, 100)]


@pytest.mark.parametrize("name", ["", "x" * 128, "\u00e4" * 64])
def test_impossible_names(name: str) -> None:
    with pytest.raises(ImageError, match="1 to 127 bytes"):
        plan_load(sample_image(name=name), signature=None, delete=Delete.FIRST)


@pytest.mark.parametrize("signature", [b"", bytes(128)])
def test_impossible_signatures(signature: bytes) -> None:
    with pytest.raises(ImageError, match="signature"):
        plan_load(sample_image(), signature=signature, delete=None)


@pytest.mark.parametrize("packing", [Packing(0, 10, checked=False), Packing(100, 120, checked=False)])
def test_impossible_packing(packing: Packing) -> None:
    with pytest.raises(ImageError, match="whole blocks"):
        plan_load(sample_image(), signature=None, delete=None, packing=packing)
